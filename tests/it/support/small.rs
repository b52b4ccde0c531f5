//! A small project with everything that a run may touch: keys, partitions,
//! rejects, a view, checks. Its lakes are folders of their own, to be copied.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{Project, Ran};

const WATCHED: &str = "files = \"watched*\"\nkey = [\"session_id\"]\nversion_by = \"seen_at\"\n\
    partition_by = { month = \"day\" }\n[columns]\n\
    session_id = { type = \"bigint\", required = true }\n\
    day = { type = \"date\", required = true }\n\
    title_id = { type = \"bigint\", required = true }\n\
    minutes = { type = \"bigint\", required = true }\nseen_at = \"timestamp\"\n";
const TITLES: &str = "files = \"titles*\"\nkey = [\"title_id\"]\n[columns]\n\
    title_id = { type = \"bigint\", required = true }\ngenre = \"text\"\n";
const HEADER: &str = "session_id,day,title_id,minutes,seen_at\n";

/// Small as they are, tables are built by rows.
pub const BY_ROWS: &str = "[engine]\nby_rows_from = 0\n";

/// Every row of every table, without what differs from run to run.
const STATE: &str = "
select 'bronze.watched' as name, concat_ws('|', session_id, day, title_id, minutes, _delivery, _line, _current) as columns from bronze.watched
union all select 'bronze.titles', concat_ws('|', title_id, genre, _delivery, _line, _current) from bronze.titles
union all select 'bronze._rejects', concat_ws('|', source, delivery, path, line, reason) from bronze._rejects
union all select 'system.deliveries', concat_ws('|', delivery, source, path, rows_in, rows_landed, rows_rejected, replaced_by) from system.deliveries
union all select 'silver.sessions', concat_ws('|', month, session_id, title_id, minutes) from silver.sessions
union all select 'silver.genres', concat_ws('|', title_id, genre) from silver.genres
union all select 'gold.title_months', concat_ws('|', month, title_id, minutes) from gold.title_months
union all select 'gold.totals', concat_ws('|', title_id, genre, minutes) from gold.totals
order by 1, 2";

/// The project, and what lands in it.
pub struct Small {
    project: Project,
}

/// One of its lakes.
pub struct Lake<'a> {
    small: &'a Small,
    dir: tempfile::TempDir,
}

/// The project; its landing folders are `first`, `second` and `third`.
pub fn project() -> Small {
    let project = Project::of(&[
        ("bronze/watched.toml", WATCHED),
        ("bronze/titles.toml", TITLES),
        (
            "silver/sessions.sql",
            "-- Sessions.\n--\n-- partition_by: month\n-- grain: month, session_id\n-- check: minutes >= 0\n\
             select month, session_id, title_id, minutes from bronze.watched where _current",
        ),
        (
            "silver/genres.sql",
            "-- Genres.\n--\n-- materialized: view\n-- grain: title_id\n\
             select title_id, genre from bronze.titles where _current",
        ),
        (
            "gold/title_months.sql",
            "-- Minutes by title and month.\n--\n-- partition_by: month\n-- grain: month, title_id\n\
             -- references: title_id -> silver.genres.title_id\n\
             select month, title_id, sum(minutes) as minutes from silver.sessions group by month, title_id",
        ),
        (
            "gold/totals.sql",
            "-- Minutes by title.\n--\n-- grain: title_id\n\
             select title_id, genre, sum(minutes) as minutes from gold.title_months join silver.genres using (title_id) group by title_id, genre",
        ),
        (
            "checks/totals_add_up.sql",
            "-- Totals hold every minute.\n\
             select total from (select (select sum(minutes) from gold.totals) as total, (select sum(minutes) from silver.sessions) as sessions) where total <> sessions",
        ),
    ]);
    project.write("cinelake.toml", BY_ROWS);
    let land = |stage: &str, name: &str, text: &str| {
        project.write(&format!("{stage}/{name}"), text);
    };
    let titles = "title_id,genre\n1,drama\n2,comedy\n";
    let watched = format!(
        "{HEADER}1,2024-01-05,1,10,2024-01-05\n2,2024-01-06,2,30,2024-01-06\n\
         3,2024-02-01,1,20,2024-02-01\nx,2024-02-01,1,20,2024-02-01\n4,2024-03-01,2,40,2024-03-01\n"
    );
    for stage in ["first", "second", "third"] {
        land(stage, "watched_1.csv", &watched);
    }
    land("first", "titles.csv", titles);
    // A late row, a corrected one that moves to another month, one that does
    // not fit, and a delivery in the place of an earlier one.
    let more = format!(
        "{HEADER}5,2024-02-09,1,7,2024-04-01\n3,2024-03-02,1,21,2024-04-01\n6,soon,1,1,2024-04-01\n"
    );
    for stage in ["second", "third"] {
        land(stage, "watched_2.csv", &more);
        land(
            stage,
            "titles.csv",
            "title_id,genre\n1,crime\n2,comedy\n3,drama\n",
        );
    }
    let last = format!("{HEADER}7,2024-01-09,2,5,2024-05-01\n");
    land("third", "watched_3.csv", &last);
    Small { project }
}

impl Small {
    /// Writes a file of the project.
    pub fn write(&self, below: &str, text: &str) {
        self.project.write(below, text);
    }

    /// Has a file appear, whole, among those that land in `third`.
    pub fn deliver(&self, name: &str, text: &str) {
        self.project.write(&format!("incoming/{name}"), text);
        let to = self.project.path("third").join(name);
        fs::rename(self.project.path("incoming").join(name), to).unwrap();
    }

    /// A lake without anything in it.
    pub fn lake(&self) -> Lake<'_> {
        Lake {
            small: self,
            dir: tempfile::tempdir().unwrap(),
        }
    }
}

impl<'a> Lake<'a> {
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The same lake in another folder.
    pub fn copy(&self) -> Lake<'a> {
        let copy = self.small.lake();
        copy_folder(self.path(), copy.path());
        copy
    }

    /// Makes every file look two days old.
    pub fn age(&self) {
        let old = SystemTime::now() - Duration::from_hours(48);
        let mut files = Vec::new();
        super::collect(self.path(), &mut files);
        for file in files {
            set_modified(&file, old);
        }
    }

    /// Leaves small files to put together, a snapshot to drop, one that was
    /// dropped long ago, and files that only it needed; what landed is `third`.
    pub fn grow_old(&self) {
        self.small.write(
            "cinelake.toml",
            "[maintain]\nkeep_snapshots = 1\nkeep_days = 0\n",
        );
        self.ok("second", &["maintain"]);
        self.ok("third", &["refresh"]);
        self.age();
    }

    pub fn command(&self, landing: &str, args: &[&str]) -> Command {
        let mut command = self.small.project.command(args);
        command
            .env("CINELAKE_LAKE", self.path())
            .env("CINELAKE_LANDING", self.small.project.path(landing));
        command
    }

    pub fn run(&self, landing: &str, args: &[&str]) -> Ran {
        self.ran(self.command(landing, args))
    }

    /// Runs with a variable of the environment set.
    pub fn run_with(&self, landing: &str, args: &[&str], variable: &str, value: &str) -> Ran {
        let mut command = self.command(landing, args);
        command.env(variable, value);
        self.ran(command)
    }

    fn ran(&self, mut command: Command) -> Ran {
        let mut ran = self.small.project.ran(command.output().unwrap());
        let lake = self.path().to_str().unwrap();
        ran.stdout = ran.stdout.replace(lake, "[lake]");
        ran.stderr = ran.stderr.replace(lake, "[lake]");
        ran
    }

    /// Runs a command that must succeed.
    pub fn ok(&self, landing: &str, args: &[&str]) -> Ran {
        let ran = self.run(landing, args);
        assert_eq!(
            ran.code,
            Some(0),
            "cinelake {args:?}\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        ran
    }

    /// Every row of every table that is published; empty when nothing is.
    pub fn state(&self) -> Vec<String> {
        self.state_at("main")
    }

    /// The same of a branch; empty when there is none.
    pub fn state_at(&self, at: &str) -> Vec<String> {
        let args = ["-q", "sql", "-f", "csv", "--at", at, "-c", STATE];
        let ran = self.run("first", &args);
        if ["nothing is published", "there is no branch"]
            .iter()
            .any(|nothing| ran.stderr.contains(nothing))
        {
            return Vec::new();
        }
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout.lines().skip(1).map(str::to_owned).collect()
    }

    /// A query's rows as CSV without the header.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let ran = self.ok("first", &["-q", "sql", "-f", "csv", "-c", sql]);
        ran.stdout.lines().skip(1).map(str::to_owned).collect()
    }

    /// The same of an earlier snapshot.
    pub fn rows_at(&self, sql: &str, snapshot: u64) -> Vec<String> {
        let at = snapshot.to_string();
        let args = ["-q", "sql", "-f", "csv", "--at", &at, "-c", sql];
        let ran = self.ok("first", &args);
        ran.stdout.lines().skip(1).map(str::to_owned).collect()
    }

    /// Writes a file of the lake.
    pub fn write(&self, below: &str, text: &str) {
        fs::write(self.path().join(below), text).unwrap();
    }

    /// The data files of all tables.
    pub fn data_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        super::collect(self.path(), &mut files);
        let names = files.iter().map(|f| f.strip_prefix(self.path()).unwrap());
        let mut names: Vec<String> = names.map(|f| f.to_str().unwrap().to_owned()).collect();
        names.retain(|name| name.ends_with(".parquet"));
        names.sort();
        names
    }

    /// The rows that other Delta readers find in each table, from its log.
    pub fn heads(&self) -> BTreeMap<String, u64> {
        let mut heads = BTreeMap::new();
        for layer in ["bronze", "silver", "gold", "system"] {
            let Ok(tables) = fs::read_dir(self.path().join(layer)) else {
                continue;
            };
            for table in tables {
                let table = table.unwrap();
                let name = format!("{layer}.{}", table.file_name().to_str().unwrap());
                heads.insert(name, rows_of(&table.path()));
            }
        }
        heads
    }

    /// The numbers of the published snapshots, and of those of the branch `dev`.
    pub fn snapshots(&self) -> Vec<u64> {
        self.numbered(&["_snapshots", "_branches/dev"])
    }

    /// The numbers of the snapshots that maintenance dropped.
    pub fn dropped(&self) -> Vec<u64> {
        self.numbered(&["_dropped"])
    }

    fn numbered(&self, folders: &[&str]) -> Vec<u64> {
        let files = folders.iter().map(|f| fs::read_dir(self.path().join(f)));
        let files = files.filter_map(Result::ok).flatten();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut ids: Vec<u64> = names
            .filter_map(|name| name.strip_suffix(".json")?.parse().ok())
            .collect();
        ids.sort_unstable();
        ids
    }
}

/// Replays a Delta log: the rows of the files that it adds and keeps, each of
/// which must be there.
fn rows_of(table: &Path) -> u64 {
    let mut files: BTreeMap<String, u64> = BTreeMap::new();
    for version in 0_u64.. {
        let path = table.join(format!("_delta_log/{version:020}.json"));
        let Ok(text) = fs::read_to_string(&path) else {
            break;
        };
        for line in text.lines() {
            let action: serde_json::Value = serde_json::from_str(line).unwrap();
            if let Some(add) = action.get("add") {
                let stats: serde_json::Value =
                    serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
                let path = add["path"].as_str().unwrap().to_owned();
                files.insert(path, stats["numRecords"].as_u64().unwrap());
            }
            if let Some(remove) = action.get("remove") {
                files.remove(remove["path"].as_str().unwrap());
            }
        }
    }
    for path in files.keys() {
        assert!(table.join(path).is_file(), "{path} is missing");
    }
    files.values().sum()
}

fn set_modified(path: &Path, to: SystemTime) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(to).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            set_modified(&target, modified);
        }
    }
}
