//! What CI does: the workflows of `examples/ci`, their own commands against the real server, and a bucket that an
//! independent client (boto3) fills and reads.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test, with parts that other tests use"
)]

#[path = "../../store/tests/depot/s3.rs"]
mod s3;
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use s3::{BUCKET, S3Server};
use support::server::Server;
use support::{fixture, json, repository};

/// Prints the shell commands of a workflow's steps, each as a JSON string on a line.
const COMMANDS: &str = "
import json, sys, yaml
document = yaml.safe_load(open(sys.argv[1]))
for job in document.get('jobs', document).values():
    steps = job.get('steps') or [{'run': line} for line in job['script']]
    for step in steps:
        for line in step.get('run', '').splitlines():
            print(json.dumps(line))
";

/// Somebody's CI, in the documented order, and what it finds afterwards.
const THEIR_CI: &str = "
import boto3, hashlib, json, sys
endpoint, key, secret, bucket, action, version, image = sys.argv[1:]
s3 = boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1', aws_access_key_id=key,
    aws_secret_access_key=secret, config=boto3.session.Config(s3={'addressing_style': 'path'}))
def fill(folder):
    data = open(image, 'rb').read()
    s3.put_object(Bucket=bucket, Key=folder + 'firmware.bin', Body=data)
    s3.put_object(Bucket=bucket, Key=folder + 'version.txt', Body=version.encode())
    s3.put_object(Bucket=bucket, Key=folder + 'metadata.json', Body=json.dumps(
        {'version': version, 'sha256': hashlib.sha256(data).hexdigest()}).encode())
if action == 'deploy':
    fill('sds/esp32c3/releases/v%s/' % version)
    fill('sds/esp32c3/production/')
elif action == 'block':
    s3.put_object(Bucket=bucket, Key='sds/esp32c3/rollback/blocked_versions.json', Body=json.dumps(
        {'blocked_versions': [version], 'reason': {version: 'Boot loop after OTA'}}).encode())
else:
    found = {}
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix='sds/')['Contents']:
        body = s3.get_object(Bucket=bucket, Key=entry['Key'])['Body'].read()
        found[entry['Key']] = hashlib.sha256(body).hexdigest()
    print(json.dumps(found))
";

/// The Python with `PyYAML` and boto3 in it; `None` where there is none, which only CI does not accept.
fn python() -> Option<PathBuf> {
    let output = Command::new(repository().join("scripts/python-tools")).output();
    let why = match output {
        Ok(output) if output.status.success() => {
            let path = String::from_utf8(output.stdout).unwrap();
            return Some(PathBuf::from(path.trim()));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "scripts/python-tools: {why}"
    );
    let line = format!("skipped: scripts/python-tools gave no Python: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

fn run_python(python: &Path, script: &str, arguments: &[&str]) -> String {
    let output = Command::new(python)
        .args(["-c", script])
        .args(arguments)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The `updraft` commands of a workflow.
fn commands(python: &Path, file: &str) -> Vec<String> {
    let path = repository().join("examples/ci").join(file);
    run_python(python, COMMANDS, &[path.to_str().unwrap()])
        .lines()
        .map(|line| serde_json::from_str::<String>(line).unwrap())
        .filter(|line| line.starts_with("updraft "))
        .collect()
}

/// Runs a line of a workflow as its runner would.
fn run_line(server: &Server, line: &str, tag: &str) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_updraft"));
    let path = format!("{}:/usr/bin:/bin", binary.parent().unwrap().display());
    Command::new("sh")
        .args(["-ec", line])
        .env_clear()
        .env("PATH", path)
        .env("UPDRAFT_SERVER", &server.url)
        .env("UPDRAFT_TOKEN_FILE", server.data().join("admin-token"))
        .env("DEVICE_TYPE", "esp32c3")
        .env("FIRMWARE", fixture("updraft-c3-1.1.0.bin"))
        .env("GITHUB_REF_NAME", tag)
        .env("CI_COMMIT_TAG", tag)
        .output()
        .unwrap()
}

#[test]
fn seed_003_section_8_the_workflows_commands_publish_and_promote() {
    let Some(python) = python() else { return };
    for file in ["github-actions.yml", "gitlab-ci.yml"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&["--artifacts", folder.path().to_str().unwrap()]);
        let lines = commands(&python, file);
        assert!(lines.len() >= 2, "{file}: {lines:?}");
        for line in &lines {
            let done = run_line(&server, line, "v1.1.0");
            let stderr = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{file}: {line}: {stderr}");
        }
        let synced = server.admin().run(&["release", "sync"]);
        assert_eq!(synced.code, 0, "{}", synced.stderr);
        let text = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
        assert_eq!(text("esp32c3/releases/v1.1.0/version.txt"), "1.1.0\n");
        assert_eq!(text("esp32c3/production/version.txt"), "1.1.0\n", "{file}");
    }
}

#[test]
fn a_tag_that_is_not_the_images_version_stops_a_workflow_before_anything_is_uploaded() {
    let Some(python) = python() else { return };
    for file in ["github-actions.yml", "gitlab-ci.yml"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&["--artifacts", folder.path().to_str().unwrap()]);
        let lines = commands(&python, file);
        let publishing = lines.iter().filter(|line| line.contains("release publish"));
        for line in publishing {
            let stopped = run_line(&server, line, "v1.2.0");
            let stderr = String::from_utf8_lossy(&stopped.stderr);
            assert_eq!(stopped.status.code(), Some(6), "{file}: {stderr}");
            assert!(stderr.contains("version_mismatch"), "{stderr}");
        }
        let listed = server.admin().run(&["--json", "release", "list"]);
        assert_eq!(json(&listed.stdout)["releases"], serde_json::json!([]));
        assert!(!folder.path().join("esp32c3").exists(), "{file}");
    }
}

#[test]
fn promote_takes_a_channel_and_also_what_was_published_before() {
    let server = Server::start(&[]);
    let file = fixture("updraft-c3-1.0.0.bin");
    let publish = |more: &[&str]| {
        let mut arguments = vec!["release", "publish", &file, "--type", "esp32c3"];
        arguments.extend(more);
        let run = server.admin().run(&arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.stdout
    };
    let channels = || {
        let listed = json(&server.admin().run(&["--json", "release", "list"]).stdout);
        let mut names: Vec<String> = listed["channels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|channel| channel["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        (
            names,
            listed["releases"][0]["status"].as_str().unwrap().to_owned(),
        )
    };
    publish(&["--testing"]);
    assert_eq!(channels(), (vec![], "testing".to_owned()));
    let said = publish(&["--testing", "--promote", "beta"]);
    assert!(said.contains("beta points at it now"), "{said}");
    assert_eq!(channels(), (vec!["beta".to_owned()], "testing".to_owned()));
    publish(&["--promote"]);
    let both = vec!["beta".to_owned(), "stable".to_owned()];
    assert_eq!(channels(), (both, "stable".to_owned()));
}

#[test]
fn seed_003_a_bucket_that_another_client_fills_is_followed_and_it_reads_ours() {
    let Some(python) = python() else { return };
    let s3 = S3Server::start();
    let theirs = |action: &str, version: &str| {
        let image = fixture(&format!("updraft-c3-{version}.bin"));
        let arguments = [
            &s3.endpoint(),
            &s3.key_id,
            &s3.secret,
            BUCKET,
            action,
            version,
            &image,
        ];
        run_python(&python, THEIR_CI, &arguments)
    };
    theirs("deploy", "1.0.0");
    let server = Server::start(&[
        "--artifacts",
        &format!("s3://{BUCKET}/sds"),
        "--s3-endpoint",
        &s3.endpoint(),
        "--s3-credentials-file",
        s3.credentials_file().to_str().unwrap(),
    ]);
    let sync = || {
        let run = server.admin().run(&["--json", "release", "sync"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    let listed = || json(&server.admin().run(&["--json", "release", "list"]).stdout);
    sync();
    assert_eq!(listed()["channels"][0]["version"], "1.0.0");

    let file = fixture("updraft-c3-1.1.0.bin");
    let arguments = [
        "release",
        "publish",
        &file,
        "--type",
        "esp32c3",
        "--tag",
        "v1.1.0",
        "--promote",
    ];
    let published = server.admin().run(&arguments);
    assert_eq!(published.code, 0, "{}", published.stderr);
    sync();
    let found = json(&theirs("read", "1.1.0"));
    let sha256 = |key: &str| found[format!("sds/esp32c3/{key}/firmware.bin")].clone();
    let releases = listed();
    assert_eq!(releases["releases"][0]["version"], "1.1.0");
    assert_eq!(sha256("releases/v1.1.0"), releases["releases"][0]["sha256"]);
    assert_eq!(sha256("production"), releases["releases"][0]["sha256"]);
    assert_eq!(sha256("releases/v1.0.0"), releases["releases"][1]["sha256"]);

    theirs("block", "1.1.0");
    sync();
    assert_eq!(listed()["releases"][0]["blocked"], "Boot loop after OTA");
    let log = server.log();
    assert!(!log.contains(&s3.secret), "the secret is in the log");
}
