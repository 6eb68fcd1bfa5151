//! Signatures made by espsecure over real images are recognised; damaged ones are named.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::esptool::python;
use support::{Rebuilt, fixture};
use updraft_image::{
    Chip, DEFAULT_MMU_PAGE, Expect, FaultCode, SIGNATURE_BLOCK_SIZE, SIGNATURE_SECTOR_SIZE,
    SIGNATURE_V1_SIZE, Scheme, Signature, Verifier, verify,
};

/// Signs images with keys it generates, all in a folder of its own.
struct Signer {
    python: PathBuf,
    folder: tempfile::TempDir,
}

impl Signer {
    fn new() -> Option<Signer> {
        Some(Signer {
            python: python()?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn espsecure(&self, arguments: &[&str]) {
        let run = Command::new(&self.python)
            .args(["-m", "espsecure"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "espsecure {arguments:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    /// The image with a signature appended by each key in turn.
    fn sign(&self, image: &[u8], version: &str, schemes: &[&str]) -> Vec<u8> {
        std::fs::write(self.file("image.bin"), image).unwrap();
        for (index, scheme) in schemes.iter().enumerate() {
            let key = format!("{index}-{scheme}.pem");
            let generate = [
                "generate-signing-key",
                "--version",
                version,
                "--scheme",
                scheme,
                &key,
            ];
            // Version 1 has one scheme and takes no name for it.
            let generate = if version == "1" {
                &[generate[0], "--version", "1", &key][..]
            } else {
                &generate[..]
            };
            self.espsecure(generate);
            // The key option takes several files: another option must follow it.
            let mut sign = vec!["sign-data", "--keyfile", &key, "--version", version];
            if index > 0 {
                sign.push("--append-signatures");
            }
            sign.push("image.bin");
            self.espsecure(&sign);
            std::fs::remove_file(self.file(&key)).unwrap();
        }
        std::fs::read(self.file("image.bin")).unwrap()
    }
}

/// A real image with another chip's identifier.
fn for_chip(name: &str, chip: Chip) -> Rebuilt {
    let mut image = Rebuilt::from(&fixture(name));
    image.header[12..14].copy_from_slice(&chip.id().to_le_bytes());
    image
}

fn signature(image: &[u8]) -> Signature {
    let facts = verify(image, Expect::new()).unwrap();
    assert_eq!(facts.size as usize, image.len());
    let mut verifier = Verifier::new(Expect::new());
    for piece in image.chunks(7) {
        verifier.update(piece).unwrap();
    }
    assert_eq!(verifier.finish(), Ok(facts));
    facts.signature
}

fn code_at(image: &[u8], at: usize, byte: u8) -> FaultCode {
    let mut changed = image.to_vec();
    assert_ne!(changed[at], byte);
    changed[at] = byte;
    let fault = verify(&changed, Expect::new()).unwrap_err();
    println!("{fault}");
    fault.code
}

/// What must be noticed in any version 2 signature whose sector starts at `sector`.
fn check_damage(signed: &[u8], sector: usize) {
    let at = |offset: usize| code_at(signed, sector + offset, signed[sector + offset] ^ 0x40);
    assert_eq!(
        code_at(signed, sector, 0xE6),
        FaultCode::TrailingBytes,
        "no signature at all"
    );
    assert_eq!(at(1), FaultCode::SignatureMalformed, "version");
    assert_eq!(at(3), FaultCode::SignatureMalformed, "reserved");
    assert_eq!(at(4), FaultCode::SignatureDigest);
    assert_eq!(at(35), FaultCode::SignatureDigest);
    assert_eq!(at(100), FaultCode::SignatureCrc, "key");
    assert_eq!(at(1196), FaultCode::SignatureCrc, "stored CRC");
    assert_eq!(at(1200), FaultCode::SignatureMalformed, "zeros at the end");
    assert_eq!(
        at(SIGNATURE_SECTOR_SIZE as usize - 1),
        FaultCode::SignatureMalformed,
        "erased rest"
    );
    let cut = &signed[..signed.len() - 1];
    assert_eq!(
        verify(cut, Expect::new()).unwrap_err().code,
        FaultCode::SignatureIncomplete
    );
    let mut longer = signed.to_vec();
    longer.push(0xFF);
    let fault = verify(&longer, Expect::new()).unwrap_err();
    assert_eq!(
        (fault.code, fault.offset as usize),
        (FaultCode::TrailingBytes, signed.len())
    );
}

#[test]
fn version_2_signatures_are_recognised() {
    let Some(espsecure) = Signer::new() else {
        return;
    };
    let image = fixture("updraft-c3-1.0.0.bin");
    let sector = image.len().next_multiple_of(SIGNATURE_SECTOR_SIZE as usize);
    assert_eq!(signature(&image), Signature::None);

    let rsa = espsecure.sign(&image, "2", &["rsa3072"]);
    assert_eq!(
        signature(&rsa),
        Signature::V2 {
            blocks: [Some(Scheme::Rsa3072), None, None]
        }
    );
    assert_eq!(
        signature(&rsa).to_string(),
        "Secure Boot v2, rsa3072: recognised, not verified"
    );
    check_damage(&rsa, sector);
    // A byte of the padding is signed too.
    assert_eq!(code_at(&rsa, sector - 1, 0x55), FaultCode::SignatureDigest);

    let p256 = espsecure.sign(&image, "2", &["ecdsa256"]);
    assert_eq!(
        signature(&p256),
        Signature::V2 {
            blocks: [Some(Scheme::EcdsaP256), None, None]
        }
    );
    check_damage(&p256, sector);

    let p192 = espsecure.sign(&image, "2", &["ecdsa192"]);
    assert_eq!(
        signature(&p192),
        Signature::V2 {
            blocks: [Some(Scheme::EcdsaP192), None, None]
        }
    );
}

#[test]
fn several_blocks_are_recognised() {
    let Some(espsecure) = Signer::new() else {
        return;
    };
    let image = fixture("updraft-c3-1.0.0.bin");
    let signed = espsecure.sign(&image, "2", &["rsa3072", "rsa3072", "rsa3072"]);
    assert_eq!(
        signature(&signed),
        Signature::V2 {
            blocks: [Some(Scheme::Rsa3072); 3]
        }
    );
    let sector = image.len().next_multiple_of(SIGNATURE_SECTOR_SIZE as usize);
    let second = sector + SIGNATURE_BLOCK_SIZE as usize;
    assert_eq!(code_at(&signed, second, 0), FaultCode::SignatureMalformed);
    assert_eq!(
        code_at(&signed, second + 4, !signed[second + 4]),
        FaultCode::SignatureDigest
    );
}

#[test]
fn p384_signatures_are_recognised_on_chips_that_have_them() {
    let Some(espsecure) = Signer::new() else {
        return;
    };
    // The ESP32-C6's layout is that of the ESP32-C5 as well.
    let image = for_chip("updraft-c6-1.0.0.bin", Chip::Esp32c5).bytes();
    let signed = espsecure.sign(&image, "2", &["ecdsa384"]);
    assert_eq!(
        signature(&signed),
        Signature::V2 {
            blocks: [Some(Scheme::EcdsaP384), None, None]
        }
    );
    check_damage(
        &signed,
        image.len().next_multiple_of(SIGNATURE_SECTOR_SIZE as usize),
    );

    let other = espsecure.sign(&fixture("updraft-c6-1.0.0.bin"), "2", &["ecdsa384"]);
    assert_eq!(
        verify(&other, Expect::new()).unwrap_err().code,
        FaultCode::SignatureUnsupported
    );
}

#[test]
fn version_1_signatures_are_recognised_on_the_esp32_alone() {
    let Some(espsecure) = Signer::new() else {
        return;
    };
    let mut image = for_chip("updraft-c3-1.0.0.bin", Chip::Esp32);
    // The ESP32-C3's instruction RAM lies where the ESP32 maps flash.
    image
        .segments
        .retain(|(address, _)| !Chip::Esp32.maps(*address, DEFAULT_MMU_PAGE));
    let image = image.bytes();
    let signed = espsecure.sign(&image, "1", &["ecdsa256"]);
    assert_eq!(signed.len(), image.len() + SIGNATURE_V1_SIZE as usize);
    assert_eq!(signature(&signed), Signature::V1);
    assert_eq!(
        code_at(&signed, image.len(), 1),
        FaultCode::TrailingBytes,
        "another version"
    );
    let mut elsewhere = fixture("updraft-c3-1.0.0.bin");
    elsewhere.extend(&signed[image.len()..]);
    assert_eq!(
        verify(&elsewhere, Expect::new()).unwrap_err().code,
        FaultCode::TrailingBytes
    );
}
