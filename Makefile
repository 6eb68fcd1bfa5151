# The two commands of the README, and what they are made of. `make help` lists them.
CARGO ?= cargo
DEMO_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help tools demo test lint doc unit device-crates bench proof fuzz fixtures \
	firmware firmware-qemu firmware-reproducible firmware-size firmware-check

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

tools: ## check that what the build needs is there
	@scripts/check-tools

demo: tools ## run the whole thing: server, virtual fleet, a good release and a bad one (DEMO_ARGS=--once to exit at the end)
	$(CARGO) run --quiet --package updraft -- demo $(DEMO_ARGS)

test: tools lint doc unit device-crates ## everything that has to pass

lint: ## formatting and lints, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --quiet -- -D warnings

doc: ## the documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

unit: ## the tests of every crate, with the databases and brokers they want, and the fixtures' checksums
	cd fixtures/firmware && sha256sum --check --quiet SHA256SUMS
	cd fixtures/bootloaders && sha256sum --check --quiet SHA256SUMS
	scripts/test-services $(CARGO) test --workspace --quiet

device-crates: ## build what a device runs for a chip without an operating system
	scripts/check-device-crates

bench: tools ## print the figures of the README, each beside a named peer
	scripts/bench

proof: tools ## ten thousand virtual devices, broken connections, dead devices, a server killed twice: does the report add up
	UPDRAFT_PROOF_DEVICES=10000 $(CARGO) test --release --package updraft --test proof -- --nocapture

fuzz: ## feed the readers of flash and network made-up bytes, five minutes each
	scripts/fuzz 300

fixtures: ## rebuild the firmware images under fixtures/ from firmware/
	fixtures/firmware/rebuild

firmware: ## the device's program: app and flash images of every version into target/firmware, and what room they leave
	scripts/firmware images

firmware-qemu: ## the same for an emulated ESP32-C3 with Ethernet, into target/firmware/qemu (UPDRAFT_SERVER and others)
	scripts/firmware qemu

firmware-reproducible: ## build an image twice, in two directories, and compare the bytes
	scripts/firmware reproducible

firmware-size: ## what the firmware's RAM and flash go to
	scripts/firmware size

firmware-check: ## lints of the firmware for ESP32-C3 and C6, types for the S3
	scripts/firmware check
