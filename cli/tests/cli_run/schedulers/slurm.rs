//! Slurm on this machine alone, for a test: its daemons, with all that they keep in a folder.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::program::text;

/// Daemons that end with this.
pub struct Slurm {
    folder: PathBuf,
    daemons: Vec<Child>,
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            // One that did not come up has said why.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

impl Slurm {
    /// Starts them, and waits for the node.
    ///
    /// # Errors
    /// When one is not there, or they do not come up.
    pub fn boot(folder: &Path) -> Result<Self, String> {
        let mut slurm = Self {
            folder: folder.to_owned(),
            daemons: vec![],
        };
        fs::create_dir(folder).unwrap();
        for name in ["state", "spool", "munge"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        let key: Vec<u8> = (0..1024_u32).map(|n| (n * 7919 / 8) as u8).collect();
        slurm.write("munge/key", &key);
        for (name, mode) in [("munge", 0o700), ("munge/key", 0o400)] {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.join(name), mode).unwrap();
        }
        slurm.write("slurm.conf", slurm.settings().as_bytes());
        let at = folder.display();
        let munge = format!(
            "--foreground --force --key-file={at}/munge/key --socket={at}/munge/sock --pid-file={at}/munge/pid \
             --log-file={at}/munge/log --seed-file={at}/munge/seed"
        );
        for (daemon, options) in [("munged", &*munge), ("slurmctld", "-D"), ("slurmd", "-D")] {
            slurm.start(daemon, options)?;
        }
        let began = Instant::now();
        loop {
            let state = slurm
                .command(&mut Command::new("sinfo"))
                .args(["-h", "-o", "%T"])
                .output();
            let state = state.map_or(String::new(), |output| text(&output.stdout));
            if state.trim() == "idle" {
                return Ok(slurm);
            }
            if began.elapsed() > Duration::from_secs(30) {
                return Err(format!("Slurm does not boot here: its node is {state:?}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A command of Slurm's.
    pub fn command(&self, command: &mut Command) -> Command {
        let mut made = Command::new(command.get_program());
        made.args(command.get_args());
        made.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        if let Some(folder) = command.get_current_dir() {
            made.current_dir(folder);
        }
        made.env("SLURM_CONF", self.folder.join("slurm.conf"));
        made
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).unwrap();
    }

    fn start(&mut self, daemon: &str, options: &str) -> Result<(), String> {
        let path = std::env::var("PATH").unwrap();
        let child = self
            .command(&mut Command::new(daemon))
            .args(options.split(' '))
            .env("PATH", format!("{path}:/usr/sbin"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.daemons
            .push(child.map_err(|e| format!("{daemon}: {e}"))?);
        Ok(())
    }

    fn settings(&self) -> String {
        let host = Command::new("hostname").arg("-s").output();
        let host = host.map_or(String::new(), |output| text(&output.stdout));
        let host = host.trim();
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [control, node] = listeners.map(|l| l.local_addr().unwrap().port());
        let at = self.folder.display();
        format!(
            "ClusterName=farm
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={at}/munge/sock
CredType=cred/munge
StateSaveLocation={at}/state
SlurmdSpoolDir={at}/spool
SlurmctldPidFile={at}/slurmctld.pid
SlurmdPidFile={at}/slurmd.pid
SlurmctldLogFile={at}/slurmctld.log
SlurmdLogFile={at}/slurmd.log
SlurmctldPort={control}
SlurmdPort={node}
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=2
MpiDefault=none
SwitchType=switch/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"
        )
    }
}
