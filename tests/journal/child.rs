//! This test program is its own prober: other tests start it again to look at a suspect folder.

#[test]
#[ignore = "run as a child process by the tests that open a log"]
fn opens_the_folder_it_is_told() {
    let dir = std::env::args().next_back().unwrap();
    if let Err(why) = fifteen::journal::probe(dir.as_ref()) {
        eprintln!("{why}");
        std::process::exit(1);
    }
}
