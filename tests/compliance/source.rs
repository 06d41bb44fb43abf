//! What holds for the source and for what it is built from.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn text(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folders of the crates.
fn crates() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("crates")).expect("the crates");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    assert!(folders.len() >= 20);
    folders
}

/// Every file of Rust below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Our files that hold one of these texts, relative to the repository.
fn holding(texts: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    crates().iter().for_each(|folder| sources(folder, &mut files));
    assert!(files.len() > 400);
    let mut found: Vec<String> = files
        .iter()
        .filter(|path| {
            let source = std::fs::read_to_string(path).expect("a text");
            texts.iter().any(|text| source.contains(text))
        })
        .map(|path| path.strip_prefix(root()).expect("inside").display().to_string())
        .collect();
    found.sort();
    found
}

/// covers: X07
#[test]
fn unsafe_code_stands_where_it_is_allowed_and_nowhere_else() {
    assert!(text("Cargo.toml").contains("\n[workspace.lints.rust]\nunsafe_code = \"deny\"\n"));
    for folder in crates() {
        let manifest = text(folder.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", folder.display());
    }
    // Where the lint denies, only an attribute lets it in.
    let allowed = text("scripts/unsafe-allowed.txt");
    let mut allowed: Vec<_> =
        allowed.lines().filter_map(|line| line.split('#').next()).map(str::trim).collect();
    allowed.retain(|line| !line.is_empty());
    assert_eq!(holding(&["allow(unsafe_code", "expect(unsafe_code"]), allowed);
}

/// The maps of the standard library are keyed at random; nothing else is used.
///
/// covers: X06
#[test]
fn no_map_has_a_hash_that_a_peer_can_foresee() {
    let hashers = ["BuildHasherDefault", "with_hasher", "FxHash", "AHash", "hashbrown", "impl Hasher"];
    assert_eq!(holding(&hashers), [""; 0]);
    for folder in crates() {
        let manifest = text(folder.join("Cargo.toml"));
        for name in ["ahash", "fxhash", "rustc-hash", "fnv", "hashbrown", "indexmap"] {
            assert!(!manifest.contains(name), "{}: {name}", folder.display());
        }
    }
    assert!(!holding(&["HashMap::new()", "HashMap::default()", "HashMap<"]).is_empty(), "there are maps");
}

/// What is built comes from the registry, is fixed by its checksum, links no library of the system and is not fetched by
/// a program of ours while it is built.
///
/// covers: O05
#[test]
fn dependencies_are_few_fixed_and_built_from_source() {
    let lock = text("Cargo.lock");
    let packages: Vec<&str> = lock.split("[[package]]\n").skip(1).collect();
    assert!(packages.len() <= 250, "{} packages", packages.len());
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
        line.map(|value| value.trim_end_matches('"').to_owned())
    };
    for package in packages {
        let name = field(package, "name").expect("a name");
        match field(package, "source") {
            None => assert!(name == "konko" || name.starts_with("konko-"), "{name}"),
            Some(source) => {
                assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
                assert!(field(package, "checksum").is_some(), "{name}");
            }
        }
        // Raw interfaces of kernels are no libraries.
        let is_raw = ["windows-sys", "linux-raw-sys"].contains(&name.as_str());
        assert!(is_raw || !name.ends_with("-sys"), "{name} links a library of the system");
        assert!(!["openssl", "pkg-config", "vcpkg", "cmake"].contains(&name.as_str()), "{name}");
        assert!(name == "ring" || !package.contains("\n \"cc\""), "{name} compiles something else than Rust");
    }
    for folder in crates() {
        assert!(!folder.join("build.rs").exists(), "{}", folder.display());
        let manifest = text(folder.join("Cargo.toml"));
        assert!(!manifest.contains("\nbuild =") && !manifest.contains("\nlinks ="), "{}", folder.display());
    }
}
