//! tinyssh's server. It knows Ed25519 keys only, and hangs when its client wants new keys: that is not tried.

use konko_client::{Credential, Error};
use konko_tests::peers::{TestAccount, TinysshServer};

use crate::our_client::{Target, check_transcript, exchange};
use crate::runtime::run_test;
use crate::table::ensure;
use crate::transcript::{MEGABYTE, Transcript};
use crate::user::User;

#[test]
fn our_client_logs_in_and_moves_ten_megabytes() {
    let Some(account) = TestAccount::with_password() else { return };
    let user = User::new();
    account.authorize(&user.key().public_line());
    let Some(server) = TinysshServer::start() else { return };
    let host_key = server.public_host_key();
    let known_hosts = format!("[127.0.0.1]:{} {host_key}\n", server.address().port());
    let target = Target::with_known_hosts(server.address(), &known_hosts);
    let options = target.options(&account.name).with_credential(Credential::key_file(&user.key().private));
    let transcript = Transcript::new(10 * MEGABYTE, MEGABYTE);
    run_test(async {
        let client = target.connect(&options).await?;
        check_transcript(&transcript, &client.command(transcript.command()).output().await?)?;
        let client = target.connect(&options).await?;
        exchange(&client, 3 * MEGABYTE).await
    });
}

#[test]
fn our_client_is_told_that_another_key_is_refused() {
    let Some(account) = TestAccount::with_password() else { return };
    let stranger = User::new();
    let Some(server) = TinysshServer::start() else { return };
    let known_hosts = format!("[127.0.0.1]:{} {}\n", server.address().port(), server.public_host_key());
    let target = Target::with_known_hosts(server.address(), &known_hosts);
    let options =
        target.options(&account.name).with_credential(Credential::key_file(&stranger.key().private));
    run_test(async {
        match target.try_connect(&options).await {
            Err(Error::Authentication(report)) => {
                ensure(report.methods_that_can_continue == ["publickey"], &report)?;
                ensure(report.to_string().contains("refused"), &report)
            }
            other => Err(format!("not told apart: {other:?}").into()),
        }
    });
}
