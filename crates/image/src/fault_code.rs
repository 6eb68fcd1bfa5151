//! Every way in which a file can fail to be an image we accept: code, sentence, hint.

/// Declares the codes once: variant, stable text, what is wrong, what to do.
macro_rules! fault_codes {
    ($($variant:ident, $code:literal, $summary:literal, $hint:literal;)*) => {
        /// What is wrong with a file. [`FaultCode::as_str`] is stable; new codes may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FaultCode {
            $(#[doc = concat!("`", $code, "`: ", $summary, ".")] $variant,)*
        }

        impl FaultCode {
            /// Every code.
            pub const ALL: &'static [FaultCode] = &[$(FaultCode::$variant,)*];

            /// The stable `snake_case` identifier.
            pub const fn as_str(self) -> &'static str {
                match self { $(FaultCode::$variant => $code,)* }
            }

            /// What is wrong, as the start of a sentence without a full stop.
            pub const fn summary(self) -> &'static str {
                match self { $(FaultCode::$variant => $summary,)* }
            }

            /// What to do about it, in one or two sentences.
            pub const fn hint(self) -> &'static str {
                match self { $(FaultCode::$variant => $hint,)* }
            }
        }
    };
}

fault_codes! {
    // Not firmware at all.
    EmptyFile, "empty_file", "the file is empty",
        "Check that the build finished and that the upload sends the file's content.";
    Html, "html_file", "this is an HTML or XML page, not firmware",
        "The download link probably led to a web page or a login form; fetch the .bin file itself.";
    Json, "json_file", "this is JSON, not firmware",
        "A server's answer was saved instead of the file; fetch the .bin file itself.";
    Text, "text_file", "this is a text file, not firmware",
        "Give the .bin file of the app, not a log, a script or a checksum file.";
    Elf, "elf_file", "this is an ELF file, not a flash image",
        "Make the image from it first: esptool --chip CHIP elf2image -o app.bin FILE.";
    Uf2, "uf2_file", "this is a UF2 file, not a flash image",
        "UF2 is for USB drives; give the app's .bin file of the same build.";
    Zip, "zip_file", "this is a ZIP archive, not firmware",
        "Unpack it and give the app's .bin file inside.";
    Gzip, "gzip_file", "this is gzip-compressed, not firmware",
        "Decompress it first (gunzip); devices take the plain .bin file.";
    IntelHex, "intel_hex_file", "this is an Intel HEX file, not a flash image",
        "Give the app's .bin file of the same build.";
    LittleFs, "littlefs_image", "this is a LittleFS filesystem image, not an app",
        "Publish it as the release's filesystem artifact, not as its app image.";
    PartitionTable, "partition_table", "this is a partition table, not an app",
        "Give the app's .bin file; the partition table is not updated over the air.";
    Esp8266, "esp8266_image", "this is an ESP8266 image",
        "The ESP8266 has another image format and is not supported; give an image for an ESP32 chip.";
    BlankFlash, "blank_flash", "the file starts as erased flash does",
        "This looks like a dump of an empty partition; give the app's .bin file of the build.";
    BadMagic, "bad_magic", "the file is not an ESP image",
        "An app image starts with byte 0xE9; give the app's .bin file of the build (encrypted images cannot be read).";

    // Not an app image for this purpose.
    TooShort, "too_short", "the file ends before the app descriptor does",
        "The file is cut off; build or transfer it again.";
    BootloaderImage, "bootloader_image", "this starts with a bootloader, not an app",
        "This is bootloader.bin or a merged flash image; give the app's own .bin file (PROJECT.bin, firmware.bin).";
    MergedImage, "merged_image", "this is a merged flash image (bootloader, partition table and app in one file)",
        "Merged files are for a cable at address 0; give the app's own .bin file, the part written to 0x10000.";
    UnknownChip, "unknown_chip", "the image is for a chip that is not known",
        "Check that the file is an app image of an ESP32 chip; a newer chip needs a newer Updraft.";
    WrongChip, "wrong_chip", "the image is for another chip",
        "Build for the expected chip, or publish under the device type of the image's chip.";
    ChipTooOld, "chip_too_old", "the image needs a newer chip revision",
        "Lower the minimum chip revision in the app's configuration, or leave this device on its version.";
    ChipTooNew, "chip_too_new", "the image does not support so new a chip revision",
        "Build with an ESP-IDF release that supports this chip revision.";
    EfuseBlockTooOld, "efuse_block_too_old", "the image needs a newer eFuse block revision",
        "Lower the minimum eFuse block revision in the app's configuration, or leave this device on its version.";
    EfuseBlockTooNew, "efuse_block_too_new", "the image does not support so new an eFuse block revision",
        "Build with an ESP-IDF release that supports this eFuse block revision.";
    TooManySegments, "too_many_segments", "the header names more segments than an image can have",
        "The file is damaged, or the linker script splits the app too finely; build it again.";
    NoSegments, "no_segments", "the image has no segments, so nothing to run",
        "The file is damaged or was made from an empty ELF; build it again.";
    BadHashFlag, "bad_hash_flag", "the header's hash flag is neither 0 nor 1",
        "The file is damaged; build or transfer it again.";
    NoHash, "no_hash", "the image has no SHA-256 appended",
        "A one-byte checksum cannot guard an update; build with esptool elf2image without --dont-append-digest.";
    NoAppDescriptor, "no_app_descriptor", "the image has no app descriptor, so no version",
        "Link the descriptor first into the image: ESP-IDF does; in esp-hal use esp_bootloader_esp_idf::esp_app_desc!().";
    DescriptorText, "descriptor_text", "a text of the app descriptor is unreadable",
        "Set it to plain UTF-8 text in the build, at most 32 bytes (16 for time and date).";
    SecureVersionTooLow, "secure_version_too_low", "the image's secure version is lower than required",
        "Devices with a higher secure version refuse this app; raise it in the app's configuration.";
    WrongProject, "wrong_project", "the image is of another project",
        "Give the image of the expected project, or change what the device accepts.";

    // Size.
    TooLarge, "too_large", "the image is larger than what it must fit in",
        "Make the app smaller (optimise for size, strip features) or the device's slots larger.";
    SizeMismatch, "size_mismatch", "the file's size is not the declared one",
        "The transfer was cut or the file changed meanwhile; transfer it again.";
    Truncated, "truncated", "the file ends before the image does",
        "The file is cut off; build or transfer it again.";
    TrailingBytes, "trailing_bytes", "bytes follow the end of the image",
        "Give the app's own .bin file: not padded (--pad-to-size), not joined with others, not read back from flash.";

    // Segments.
    SegmentLength, "segment_length", "a segment's length is not a multiple of 4",
        "The file is damaged; build or transfer it again.";
    SegmentTooLong, "segment_too_long", "a segment is 16 MiB or longer",
        "The file is damaged; build or transfer it again.";
    FirstSegmentTooShort, "first_segment_too_short", "the first segment cannot hold an app descriptor",
        "The app descriptor must be linked first: .flash.appdesc at the start of the first mapped segment.";
    SegmentMisplaced, "segment_misplaced", "a mapped segment's place in the file does not match its address",
        "The chip's MMU could not map it: build for the right chip and MMU page size with esptool elf2image.";

    // Guards.
    ChecksumMismatch, "checksum_mismatch", "the checksum over the segments is wrong",
        "The file was damaged after it was built; build or transfer it again.";
    HashMismatch, "hash_mismatch", "the appended SHA-256 is not that of the image",
        "The file was changed after it was built; build or transfer it again.";

    // Secure Boot signatures.
    SignatureIncomplete, "signature_incomplete", "the signature sector is cut off",
        "A signature sector is 4096 bytes; sign or transfer the image again.";
    SignatureMalformed, "signature_malformed", "a signature block is not as Secure Boot v2 writes it",
        "Sign the image again: espsecure sign-data --version 2.";
    SignatureCrc, "signature_crc", "a signature block's CRC-32 is wrong",
        "The signature was damaged; sign or transfer the image again.";
    SignatureDigest, "signature_digest", "a signature block is for other image bytes",
        "The image was changed after it was signed; sign it again.";
    SignatureUnsupported, "signature_unsupported", "the image's chip does not have this signature scheme",
        "Sign with a scheme of the chip: RSA-3072, or ECDSA P-256.";
}
