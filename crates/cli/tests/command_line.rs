//! The contract of the command line as a whole: exit codes, streams, completions.

mod support;

use support::{Updraft, json};

#[test]
fn help_lists_the_exit_codes() {
    let run = Updraft::new().run(&["--help"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stderr, "");
    let codes = run.stdout.split_once("Exit codes:").unwrap().1;
    insta::assert_snapshot!(codes);
}

#[test]
fn usage_errors_are_two_and_go_to_stderr() {
    for arguments in [
        &[][..],
        &["fly"],
        &["image"],
        &["image", "verify"],
        &["type", "set", "x"],
    ] {
        let run = Updraft::new().run(arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert_eq!(run.stdout, "", "{arguments:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn usage_errors_are_json_where_that_is_asked_for() {
    let run = Updraft::new().run(&["image", "verify", "--json"]);
    assert_eq!(run.code, 2);
    insta::assert_snapshot!(run.stderr, @r#"{"error":{"code":"usage","message":"the following required arguments were not provided: <FILE>","hint":"run the command with --help","exit_code":2}}"#);
}

#[test]
fn version_is_the_packages() {
    let run = Updraft::new().run(&["--version"]);
    assert_eq!(
        run.stdout,
        concat!("updraft ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn every_shell_gets_completions() {
    for (shell, sign) in [
        ("bash", "complete -F _updraft"),
        ("zsh", "#compdef updraft"),
        ("fish", "complete -c updraft"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[updraft]"),
    ] {
        let run = Updraft::new().run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains(sign), "{shell}");
        assert!(run.stdout.contains("promote"), "{shell}");
    }
}

#[test]
fn bash_accepts_its_completions() {
    let script = Updraft::new().run(&["completions", "bash"]).stdout;
    let question = "\nCOMP_WORDS=(updraft image ''); COMP_CWORD=2; _updraft updraft '' image; echo \"${COMPREPLY[@]}\"";
    let Ok(answer) = std::process::Command::new("bash")
        .args(["-c", &(script + question)])
        .output()
    else {
        eprintln!("no bash here: skipped");
        return;
    };
    let words = String::from_utf8(answer.stdout).unwrap();
    assert!(
        words.contains("info") && words.contains("verify"),
        "{words}"
    );
}

#[test]
fn manual_has_a_page_for_every_command() {
    let updraft = Updraft::new();
    let folder = updraft.home().join("man");
    let listing = folder.clone();
    let run = updraft.run_keeping(&["man", "--dir", folder.to_str().unwrap()], || {
        let names = std::fs::read_dir(&listing).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>()
    });
    let (run, pages) = run;
    assert_eq!(run.code, 0, "{}", run.stderr);
    for page in [
        "updraft.1",
        "updraft-image-verify.1",
        "updraft-release-publish.1",
    ] {
        assert!(pages.iter().any(|name| name == page), "{page} in {pages:?}");
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let failing = ["image", "verify", "none.bin"];
    let plain = Updraft::new().run(&failing);
    assert!(!plain.stderr.contains('\u{1b}'));
    let forced = Updraft::new().env("CLICOLOR_FORCE", "1").run(&failing);
    assert!(forced.stderr.contains('\u{1b}'));
    let refused = Updraft::new()
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .run(&failing);
    assert!(!refused.stderr.contains('\u{1b}'));
    assert!(
        json(
            &Updraft::new()
                .env("CLICOLOR_FORCE", "1")
                .run(&["--json", "image", "verify", "none.bin"])
                .stderr
        )["error"]
            .is_object()
    );
}
