//! A folder of its own for each test, and the real binary run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that is gone with the test.
pub(crate) struct Context {
    _temp: tempfile::TempDir,
    root: PathBuf,
    /// Where its lake is, if that is no folder of it.
    lake: Option<String>,
}

impl Context {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        Self { _temp: temp, root, lake: None }
    }

    /// A folder with a new project `shop` in it, in UTC.
    pub(crate) fn with_shop() -> Self {
        let context = Self::new();
        let made = context.output(&["init", "shop", "--timezone", "UTC"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        context
    }

    /// The same with its lake at an address; a writer that is silent for two seconds is dead.
    pub(crate) fn with_shop_at(lake: &str) -> Self {
        Self { lake: Some(lake.to_owned()), ..Self::with_shop() }
    }

    /// The folder of the project `shop`.
    pub(crate) fn shop(&self) -> PathBuf {
        self.root.join("shop")
    }

    /// Writes a file of the project, and its folders.
    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.shop().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// What a file of the project says.
    pub(crate) fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.shop().join(path)).unwrap()
    }

    /// Runs `shoplake` in the folder, or in the project where there is one.
    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The command that [`Context::output`] runs, for tests that start it in their own way.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let dir = if self.shop().is_dir() { self.shop() } else { self.root.clone() };
        let mut command = Command::new(env!("CARGO_BIN_EXE_shoplake"));
        command
            .args(arguments)
            .current_dir(dir)
            .env_remove("SHOPLAKE_PROJECT_DIR")
            .env_remove("SHOPLAKE_LOG")
            .env_remove("SHOPLAKE_FAIL_POINT")
            .env_remove("SHOPLAKE_FAULT_STORE")
            .env("COLUMNS", "100");
        if let Some(lake) = &self.lake {
            command.env("SHOPLAKE__TARGETS__LOCAL__LAKE", lake).env("SHOPLAKE__TARGETS__LOCAL__LEASE", "2s");
        }
        command
    }

    /// A copy of the project in a folder of its own.
    pub(crate) fn copy(&self) -> Self {
        let mut copy = Self::new();
        copy_folder(&self.shop(), &copy.shop());
        copy.lake.clone_from(&self.lake);
        copy
    }

    /// The project on another machine, which knows nothing of what this one did; the inbox comes along.
    pub(crate) fn on_another_machine(&self) -> Self {
        let copy = self.copy();
        let state = copy.shop().join(".shoplake");
        if state.exists() {
            fs_err::remove_dir_all(state).unwrap();
        }
        copy
    }

    /// A copy of the project whose lake is at another address.
    pub(crate) fn moved_to(&self, lake: &str) -> Self {
        Self { lake: Some(lake.to_owned()), ..self.copy() }
    }

    /// Everything that the shop's figures are made of, and the figures: what no fault may change.
    pub(crate) fn figures(&self) -> Vec<serde_json::Value> {
        let queries = [
            "SELECT transaction_id, customer_id, product_id, quantity, amount, transaction_date, product_name, category, city FROM sales ORDER BY 1",
            "SELECT product_id, name, category, price, stock FROM products ORDER BY 1",
            "SELECT * FROM daily_sales_summary ORDER BY 1",
            "SELECT * FROM top_products ORDER BY revenue DESC, product_id",
            "SELECT source_file, source_line, reason, raw FROM quarantine ORDER BY 1, 2",
        ];
        queries.map(|sql| self.json(&["query", sql, "--output", "json"])).into()
    }

    /// The files below a folder of the project whose path ends so, in order.
    pub(crate) fn files(&self, folder: &str, ending: &str) -> Vec<PathBuf> {
        let (mut folders, mut found) = (vec![self.shop().join(folder)], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(ending) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// Asserts that `shoplake verify` proves everything.
    pub(crate) fn assert_verified(&self, when: &str) {
        let output = self.output(&["verify"]);
        assert!(output.status.success(), "{when}: {}", String::from_utf8_lossy(&output.stdout));
    }

    /// Exit code, stdout and stderr as one text, with paths, times and ids made alike.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = output.status.code().unwrap();
        format!("exit: {code}\n----- stdout\n{}----- stderr\n{}", text(&output.stdout), text(&output.stderr))
    }

    /// The one JSON value on stdout.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.output(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}\n{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        })
    }

    /// The filters of [`snapshot!`].
    pub(crate) fn filters(&self) -> Vec<(String, &'static str)> {
        let root = regex_of(&self.root);
        vec![
            (root, "[TEMP]"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}".to_owned(), "[RUN]"),
            (r"\b[0-9a-f]{16}\b".to_owned(), "[HASH]"),
            (r"\b\d+(\.\d+)? s\b".to_owned(), "[TIME]"),
            (r"[\d,]+ rows/s".to_owned(), "[RATE]"),
            (r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}\b".to_owned(), "[MOMENT]"),
            (r"\b\d+(\.\d)? [kM]?B\b".to_owned(), "[SIZE]"),
            (r"(?m)[ \t]+$".to_owned(), ""),
        ]
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), to).unwrap();
        }
    }
}

fn regex_of(path: &Path) -> String {
    path.display().to_string().replace('.', r"\.")
}

/// Runs a command and compares exit code, stdout and stderr with what stands in the test.
macro_rules! snapshot {
    ($context:expr, [$($argument:expr),* $(,)?], $($expected:tt)*) => {{
        let context = &$context;
        let filters = context.filters();
        insta::with_settings!({ filters => filters.iter().map(|(from, to)| (from.as_str(), *to)) }, {
            insta::assert_snapshot!(context.run(&[$($argument),*]), $($expected)*);
        });
    }};
}
pub(crate) use snapshot;
