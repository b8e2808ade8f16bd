//! Files of a crate import each other downwards only: there is no circle of imports.
//!
//! An import is a path that begins with `crate::` or `super::`, in code that is not a test's. A name that a module hands on
//! (`pub use`) counts as an import of the file that defines it, so a circle cannot hide behind a front page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module's path below the crate's root, which is empty.
type Module = Vec<String>;

/// A crate's modules with the code of their files, and what they hand on from other modules.
#[derive(Default)]
struct Crate {
    code: BTreeMap<Module, String>,
    handed_on: BTreeMap<(Module, String), Module>,
}

fn words(path: &[&str]) -> Module {
    path.iter().map(|&word| word.to_owned()).collect()
}

/// The code of a file without its comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Every path of a tree of imports such as `a::{b, c::{self, d as e}}`, from its beginning in `text`; names that a path
/// is given instead of its last word are left out.
fn paths(text: &str) -> Vec<Vec<&str>> {
    tree(text).0
}

/// The paths of a tree, and what follows it.
fn tree(text: &str) -> (Vec<Vec<&str>>, &str) {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut found = Vec::new();
        loop {
            let (inner, after) = tree(rest);
            found.extend(inner);
            match after.trim_start().strip_prefix(',') {
                Some(after) if !after.trim_start().starts_with('}') => rest = after,
                after => {
                    let after = after.unwrap_or(after_list(rest)).trim_start();
                    return (found, after.strip_prefix('}').unwrap_or(after));
                }
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if let Some(rest) = rest.strip_prefix("::") {
        let (below, rest) = tree(rest);
        let below = if below.is_empty() { vec![Vec::new()] } else { below };
        return (below.into_iter().map(|path| [vec![word], path].concat()).collect(), rest);
    }
    let rest = match rest.trim_start().strip_prefix("as ") {
        Some(alias) => alias.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => rest,
    };
    if word.is_empty() { (Vec::new(), rest) } else { (vec![vec![word]], rest) }
}

/// What follows the last element of a list.
fn after_list(rest: &str) -> &str {
    tree(rest).1
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut found = Self::default();
        found.walk(source, &Vec::new());
        for (module, code) in found.code.clone() {
            for (at, _) in code.match_indices("pub use ").chain(code.match_indices("pub(crate) use ")) {
                let tree = code[at..].split_once("use ").map_or("", |found| found.1);
                for path in paths(tree) {
                    if let Some((&name, from)) = path.split_last() {
                        let target = found.resolve(&module, from);
                        found.handed_on.insert((module.clone(), name.to_owned()), target);
                    }
                }
            }
        }
        found
    }

    fn walk(&mut self, folder: &Path, module: &Module) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let below = [module.clone(), vec![name.clone()]].concat();
            if path.is_dir() {
                self.walk(&path, &below);
            } else if path.extension().is_some_and(|e| e == "rs") && name != "tests" {
                let module = if ["lib", "main", "mod"].contains(&name.as_str()) { module.clone() } else { below };
                self.code.entry(module).or_default().push_str(&code(&std::fs::read_to_string(path).unwrap()));
            }
        }
    }

    /// The module of the file that a path from a module leads to.
    fn resolve(&self, from: &Module, path: &[&str]) -> Module {
        let mut at = from.clone();
        for &word in path {
            let below = [at.clone(), vec![word.to_owned()]].concat();
            match (word, self.handed_on.get(&(at.clone(), word.to_owned()))) {
                ("crate", _) => at = Vec::new(),
                ("super", _) => _ = at.pop(),
                ("self", _) => {}
                _ if self.code.contains_key(&below) => at = below,
                (_, Some(target)) => at = target.clone(),
                _ => break,
            }
        }
        at
    }

    /// Which files each file imports.
    fn imports(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let mut imports = BTreeMap::new();
        for (module, code) in &self.code {
            let begins = code.match_indices("crate::").chain(code.match_indices("super::"));
            // Not in the middle of a word or a path.
            let begins =
                begins.filter(|&(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || ":$_".contains(c)));
            let found = begins.flat_map(|(at, _)| paths(&code[at..])).map(|path| self.resolve(module, &path));
            let found: BTreeSet<Module> = found.filter(|found| found != module && !found.is_empty()).collect();
            imports.insert(module, found);
        }
        imports
    }

    /// Files that import each other, all that lie on a common circle together.
    fn circles(&self) -> Vec<BTreeSet<String>> {
        let imports = self.imports();
        let reached = |from: &Module| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = left.pop() {
                let next = imports.get(&module).into_iter().flatten();
                left.extend(next.filter(|next| seen.insert((*next).clone())).cloned());
            }
            seen
        };
        let reach: BTreeMap<&Module, BTreeSet<Module>> = imports.keys().map(|&from| (from, reached(from))).collect();
        let mutual =
            |a: &Module, b: &Module| reach[a].contains(b) && reach.get(b).is_some_and(|reach| reach.contains(a));
        let on = imports.keys().filter(|&&module| mutual(module, module));
        let circles: BTreeSet<BTreeSet<String>> =
            on.map(|&a| imports.keys().filter(|&&b| mutual(a, b)).map(|b| b.join("/")).collect()).collect();
        circles.into_iter().collect()
    }
}

#[test]
fn files_import_each_other_downwards_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let crates = std::fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = BTreeMap::new();
    for path in crates.chain([root.join("xtask")]).filter(|path| path.join("src").is_dir()) {
        let circles = Crate::read(&path.join("src")).circles();
        if !circles.is_empty() {
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), circles);
        }
    }
    assert!(found.is_empty(), "files that import each other in a circle: {found:#?}");
}

#[test]
fn a_circle_is_found_also_behind_a_front_page() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("lib.rs", "mod a;\nmod b;\nmod c;\npub use a::{self as _, A};\npub use c::C;\n");
    write("a.rs", "use crate::{b::{self, B}, c};\npub struct A;\n");
    write("b.rs", "use super::c::C;\n// crate::A\npub struct B;\n#[cfg(test)]\nmod tests { use crate::A; }\n");
    write("c.rs", "pub struct C;\n");
    assert_eq!(Crate::read(folder.path()).circles(), Vec::<BTreeSet<String>>::new());
    write("c.rs", "pub struct C(crate::A);\n");
    let all: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
    assert_eq!(Crate::read(folder.path()).circles(), [all]);
}

#[test]
fn trees_of_imports_are_taken_apart() {
    assert_eq!(
        paths("a::{b, c::{self, d as e}, f::*};"),
        [vec!["a", "b"], vec!["a", "c", "self"], vec!["a", "c", "d"], vec!["a", "f"]]
    );
    assert_eq!(paths("crate::b::C::new(x)"), [words(&["crate", "b", "C", "new"])]);
    assert_eq!(paths("{a, b,}"), [["a"], ["b"]]);
}
