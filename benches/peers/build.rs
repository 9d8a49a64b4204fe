fn main() {
    println!("cargo:rerun-if-changed=src/expat.c");
    cc::Build::new().file("src/expat.c").opt_level(3).compile("expat_peer");
    // The library of the system (Debian: libexpat1-dev).
    println!("cargo:rustc-link-lib=expat");
}
