use std::fs::OpenOptions;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::world::World;

/// A process of the gateway.
pub(crate) struct Gateway {
    child: Child,
    output: BufReader<ChildStdout>,
    line: String,
}

impl Gateway {
    /// Starts one; it does not listen yet.
    pub(crate) fn start(world: &World) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(world.log()).unwrap();
        // A file that may not grow is to be an error, as a full disk is, and not a signal that kills.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tollbridge")]);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(world.arguments());
        command.env_clear().env("TOLLBRIDGE_USAGE_DIR", world.directory()).current_dir(world.folder());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, line: String::new() }
    }

    /// Starts one and waits until it listens.
    pub(crate) async fn listening(world: &World) -> Self {
        let mut gateway = Self::start(world);
        gateway.listens().await;
        gateway
    }

    /// Waits until it listens.
    pub(crate) async fn listens(&mut self) {
        self.output.read_line(&mut self.line).await.unwrap();
        assert!(self.line.contains("listening on"), "it ended: {}", self.line);
    }

    /// Returns its base URL.
    pub(crate) fn url(&self) -> String {
        self.line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
    }

    /// Kills it; it notices nothing.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Tells it to stop, and returns its exit code.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        rustix::process::kill_process(self.process(), rustix::process::Signal::TERM).unwrap();
        self.child.wait().await.unwrap().code()
    }

    /// Lets no file of it grow beyond so many bytes; `None` takes the limit away.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        use rustix::process::{Resource, Rlimit, prlimit};
        prlimit(Some(self.process()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    fn process(&self) -> rustix::process::Pid {
        let id = self.child.id().unwrap();
        rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }
}
