//! Who imports whom, read from the `use crate::` lines; see ARCHITECTURE.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import. `error` and `name` may be imported by all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "docs", "refresh", "generate", "engine", "lake", "source", "model", "config", "clock",
            "memory",
        ],
    ),
    (
        "refresh",
        &[
            "model", "source", "engine", "lake", "config", "clock", "memory",
        ],
    ),
    ("docs", &["refresh", "engine", "lake", "source", "model"]),
    ("engine", &["lake", "config", "calendar"]),
    ("source", &["config", "clock", "calendar"]),
    ("lake", &["config", "clock"]),
    ("generate", &["config", "clock"]),
    ("model", &[]),
    ("config", &["calendar", "memory"]),
    ("calendar", &[]),
    ("clock", &[]),
    ("memory", &[]),
    ("kernels", &[]),
    ("name", &[]),
    ("error", &[]),
];

/// External crates that only some modules may name.
const OWNED: &[(&str, &[&str])] = &[
    (
        "cinelake_kernels",
        &["engine", "lake", "source", "calendar"],
    ),
    ("deltalake_core", &["lake"]),
    ("object_store", &["lake"]),
    ("sqlparser", &["model"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("rustyline", &["cli"]),
];

/// What `model` must not know: it is pure.
const NOT_IN_MODEL: &[&str] = &["datafusion", "tokio", "object_store"];

fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(&root).unwrap();
            let first = below.iter().next().unwrap().to_str().unwrap();
            let module = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            // Unit tests may use anything.
            let text = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap()
                .to_owned();
            (module, below.to_path_buf(), text)
        })
        .collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The modules named by `crate::` paths in code (comments left out).
fn imported(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in code {
        for part in line.split("crate::").skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            found.push(name);
        }
    }
    found
}

#[test]
fn modules_import_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (module, path, text) in sources() {
        if module == "lib" {
            continue;
        }
        let may = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{} is in no module of the table above", path.display()));
        for import in imported(&text) {
            seen += 1;
            let free = ["error", "name"].contains(&import.as_str()) || import == module;
            if !free && !may.contains(&import.as_str()) {
                wrong.push(format!(
                    "{}: `{module}` must not import `{import}`",
                    path.display()
                ));
            }
        }
    }
    assert!(seen > 100, "the test reads nothing any more: {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_are_named_only_by_their_owners() {
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let names = |what: &str| {
            let (direct, in_path) = (format!("use {what}::"), format!(" {what}::"));
            code.iter()
                .any(|line| line.contains(&direct) || line.contains(&in_path))
        };
        for (owned, owners) in OWNED {
            if names(owned) && !owners.contains(&module.as_str()) {
                wrong.push(format!(
                    "{}: only {owners:?} may name `{owned}`",
                    path.display()
                ));
            }
        }
        for unknown in NOT_IN_MODEL {
            if module == "model" && names(unknown) {
                wrong.push(format!(
                    "{}: `model` is pure, without `{unknown}`",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each wing of the engine may import of the others. `mod.rs` has what they
/// all are about: the engine, scopes, strategies.
const WINGS: &[(&str, &[&str])] = &[
    ("support", &[]),
    ("functions", &["support"]),
    ("corrections", &["support"]),
    ("rules", &["support", "functions"]),
    ("scan", &[]),
    (
        "session",
        &["support", "functions", "corrections", "rules", "scan"],
    ),
    ("proofs", &["session", "scan"]),
    ("trace", &["session"]),
    ("compare", &["session"]),
];

/// The sources of the engine's wings: wing, path, text.
fn wings() -> Vec<(String, PathBuf, String)> {
    let of_engine = sources()
        .into_iter()
        .filter(|(module, ..)| module == "engine");
    of_engine
        .filter_map(|(_, path, text)| {
            let wing = path.iter().nth(1)?.to_str()?.to_owned();
            let is_test = path.file_name().is_some_and(|name| name == "tests.rs");
            (!wing.ends_with(".rs") && !is_test).then_some((wing, path, text))
        })
        .collect()
}

#[test]
fn wings_of_the_engine_import_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = WINGS.iter().copied().collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (wing, path, text) in wings() {
        let may = allowed
            .get(wing.as_str())
            .unwrap_or_else(|| panic!("{} is in no wing of the list above", path.display()));
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for part in line.split("crate::engine::").skip(1) {
                let name: String = part
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                seen += 1;
                if allowed.contains_key(name.as_str())
                    && name != wing
                    && !may.contains(&name.as_str())
                {
                    wrong.push(format!(
                        "{}: `{wing}` must not import `{name}`",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(seen > 50, "the test reads nothing any more: {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_operator_declares_what_it_is() {
    let all = wings();
    let list = all
        .iter()
        .find(|(_, path, _)| path.ends_with("rules/operators.rs"))
        .map(|(.., text)| text.split("one_of![").nth(1).unwrap().to_owned())
        .unwrap();
    let mut found = 0;
    for (_, path, text) in &all {
        for line in text.lines() {
            let (operator, listed) = if let Some(rest) = line.strip_prefix("impl Step for ") {
                let name = rest.trim_end_matches([' ', '{']);
                (name, format!("Over<{name}>,"))
            } else if let Some(rest) = line.strip_prefix("impl ExecutionPlan for ") {
                let name = rest.trim_end_matches([' ', '{']);
                (name, format!("{name},"))
            } else {
                continue;
            };
            found += 1;
            assert!(
                list.contains(&listed),
                "{}: `{operator}` is not in the list of `rules/operators.rs`",
                path.display()
            );
        }
    }
    assert!(found > 8, "the test finds no operators any more: {found}");
}
