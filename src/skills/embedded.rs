//! The trees in the binary. The build script writes the tables from the folders at the root of the package.

/// One folder of a tree, with its files in the order of their paths.
#[derive(Debug)]
pub(super) struct Embedded {
    pub(super) name: &'static str,
    pub(super) files: &'static [(&'static str, &'static [u8])],
}

include!(concat!(env!("OUT_DIR"), "/trees.rs"));
