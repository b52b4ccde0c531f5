//! Runs the shipped binary in a project of its own.

pub mod payers;
pub mod small;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A project in a folder that goes when the test ends.
pub struct Project {
    dir: tempfile::TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// The project that `init` writes.
    pub fn warehouse() -> Self {
        let project = Self::empty();
        project.ok(&["init", "."]);
        project
    }

    /// A folder with `queries/` holding just these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let project = Self::empty();
        project.write("cinelake.toml", "");
        fs::create_dir_all(project.path("queries")).unwrap();
        fs::create_dir_all(project.path("lake/landing")).unwrap();
        for (path, text) in files {
            project.write(&format!("queries/{path}"), text);
        }
        project
    }

    /// An empty folder.
    pub fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts a file into the landing folder.
    pub fn deliver(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path("lake/landing").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Copies every file of the real data's folder into the landing folder.
    pub fn deliver_real(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            self.deliver(name, fs::read(&path).unwrap());
        }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cinelake"));
        command.current_dir(self.dir.path()).args(args);
        for variable in [
            "CINELAKE_LAKE",
            "CINELAKE_LANDING",
            "CINELAKE_FAILPOINT",
            "CINELAKE_FAULT",
            "CINELAKE_MEMORY",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.ran(self.command(args).output().unwrap())
    }

    pub fn ran(&self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.dir.path().to_str().unwrap(), "[project]")
        };
        Ran {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs a command that must succeed.
    pub fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(
            ran.code,
            Some(0),
            "cinelake {args:?}\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        ran
    }

    /// Runs a command that must fail; gives its code and what it said.
    pub fn fails(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_ne!(
            ran.code,
            Some(0),
            "cinelake {args:?} succeeded\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        let code = ran.code.map_or("killed".to_owned(), |c| c.to_string());
        format!("exit {code}\n{}", steady(&ran.stderr))
    }

    /// A query's rows as CSV without the header, one string a row.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let ran = self.ok(&["-q", "sql", "-f", "csv", "-c", sql]);
        ran.stdout.lines().skip(1).map(str::to_owned).collect()
    }

    /// A query's only row as CSV.
    pub fn row(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0].clone()
    }

    /// Every file below the lake but the landing folder and the lease.
    pub fn lake_files(&self) -> Vec<String> {
        let root = self.path("lake");
        let mut files = Vec::new();
        collect(&root, &mut files);
        let below = |path: &PathBuf| {
            path.strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let mut names: Vec<String> = files.iter().map(below).collect();
        names.retain(|name| !name.starts_with("landing") && name != "_lease");
        names.sort();
        names
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The text without what differs from run to run: times, ids, process numbers.
pub fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" in ") {
        let (before, after) = rest.split_at(at + 4);
        out.push_str(before);
        let number = after
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(after.len());
        if number > 0 && after[number..].starts_with(" s") {
            out.push_str("[time]");
            rest = &after[number..];
        } else {
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The real data's folder `name`; `None` where the data is not at hand.
pub fn real_data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CINELAKE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CINELAKE_TEST_DATA").is_none(),
        "CINELAKE_TEST_DATA is set, and {} is missing",
        folder.display()
    );
    eprintln!("passed over: {} is not at hand", folder.display());
    None
}
