use super::*;
use crate::configured::catalogue::catalogue;
use konko_config::Local;
use std::io;

struct OneFile(&'static str);

impl Source for OneFile {
    fn read(&mut self, path: &str, _: usize, _: bool) -> io::Result<Option<Vec<u8>>> {
        Ok((path == "/home/me/.ssh/config").then(|| self.0.as_bytes().to_vec()))
    }
}

fn route(text: &'static str, host: &str, line: Option<&str>) -> Result<Vec<String>, Error> {
    let local = Local {
        user: "me".to_owned(),
        uid: 1000,
        home: Some("/home/me".to_owned()),
        host_name: "here".to_owned(),
        version: "konko".to_owned(),
    };
    let mut source = OneFile(text);
    let mut configuration = Configuration::new(local, catalogue());
    if let Some(line) = line {
        configuration.set(line, Origin::command_line("-o"), &mut source)?;
    }
    let request = Request::new(host);
    let resolved = configuration.resolve(&request, &mut source)?;
    let route = Route::find(resolved, &request, &configuration, &mut source)?;
    let shown = |host: &Resolved| format!("{}@{}:{}", host.user(), host.host_name(), host.port());
    Ok(route.hosts().iter().map(shown).collect())
}

const FILE: &str = "Host bastion\n HostName bastion.example\n User jump\n Port 2200\n\
                    Host inner\n ProxyJump bastion,you@second:7\n\
                    Host innermost\n ProxyJump inner\n\
                    Host loop\n ProxyJump loop2\nHost loop2\n ProxyJump loop\n\
                    Host self\n ProxyJump self\n";

#[test]
fn every_host_on_the_way_has_a_configuration_of_its_own() {
    assert_eq!(route(FILE, "plain", None).expect("a way"), ["me@plain:22"]);
    let inner = ["jump@bastion.example:2200", "you@second:7", "me@inner:22"];
    assert_eq!(route(FILE, "inner", None).expect("a way"), inner);
    let all = [&inner[..], &["me@innermost:22"]].concat();
    assert_eq!(route(FILE, "innermost", None).expect("a way"), all);
    // What the user asks for counts for the destination only.
    let asked = route(FILE, "inner", Some("User=root")).expect("a way");
    assert_eq!(asked, ["jump@bastion.example:2200", "you@second:7", "root@inner:22"]);
    assert_eq!(route(FILE, "inner", Some("ProxyJump=none")).expect("a way"), ["me@inner:22"]);
    // Only the first host of several is reached by a way of its own.
    let listed = route(FILE, "plain", Some("ProxyJump=bastion,inner")).expect("a way");
    assert_eq!(listed, ["jump@bastion.example:2200", "me@inner:22", "me@plain:22"]);
}

#[test]
fn a_way_that_leads_back_is_refused() {
    for host in ["loop", "self"] {
        let error = route(FILE, host, None).expect_err(host);
        assert!(matches!(error, Error::EndlessRoute { .. }), "{error}");
    }
    let many: Vec<String> = (0..17).map(|index| format!("h{index}")).collect();
    let error = route("", "h", Some(&format!("ProxyJump={}", many.join(",")))).expect_err("too many");
    assert!(matches!(error, Error::EndlessRoute { .. }), "{error}");
}

#[tokio::test]
async fn a_command_that_ends_is_told_with_its_status() {
    let local = Local {
        user: "me".to_owned(),
        uid: 1000,
        home: None,
        host_name: "here".to_owned(),
        version: "konko".to_owned(),
    };
    let mut source = OneFile("");
    let mut configuration = Configuration::new(local, catalogue());
    let origin = Origin::command_line("-o");
    configuration.set("ProxyCommand=sh -c 'exit 7'", origin, &mut source).expect("a line");
    let request = Request::new("h");
    let resolved = configuration.resolve(&request, &mut source).expect("nothing is wrong");
    let route = Route::find(resolved, &request, &configuration, &mut source).expect("a way");
    let error = route.connect(&crate::configured::Unattended).await.expect_err("there is no server");
    let text = error.to_string();
    assert!(text.starts_with("h: ") && text.contains("exit status: 7"), "{text}");
}
