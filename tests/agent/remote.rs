//! Release verbs with `--agent`, beside the same verbs without it.

use testbed::suite::Outcome;
use testbed::{Finished, Program};

use crate::scene::{Agents, Anything, CLUSTER, Scene};

/// How often two runs are repeated when a second passed between them.
const TRIES: u32 = 6;

/// Both ways to run a verb.
struct Both {
    direct: Program,
    remote: Program,
}

impl Both {
    fn new(scene: &Scene<'_>) -> Anything<Self> {
        let program = |name: &str| Program::new(env!("CARGO_BIN_EXE_ankra-helm"), scene.work.path().join(name));
        let kubeconfig = scene.agents.plane.write_kubeconfig("admin", &scene.namespace)?;
        let direct = program("direct")?.with_kubeconfig(&kubeconfig);
        // It has no kubeconfig: all that it knows comes over NATS.
        let remote =
            program("remote")?.with("NATS_URL", scene.agents.nats.url()).with("HELM_NAMESPACE", &scene.namespace);
        Ok(Both { direct, remote })
    }

    fn remote(&self, args: &[&str]) -> testbed::Result<Finished> {
        self.remote.run([args, &["--agent", CLUSTER]].concat())
    }

    /// Runs a read both ways; the outputs must be the same.
    fn same(&self, args: &[&str]) -> Anything<String> {
        let (mut direct, mut remote) = (self.direct.run(args)?, self.remote(args)?);
        // Ages in tables tick, and pods become ready, between two runs.
        for _ in 0..TRIES {
            if remote.stdout == direct.stdout {
                break;
            }
            (direct, remote) = (self.direct.run(args)?, self.remote(args)?);
        }
        let what = args.join(" ");
        assert_eq!(remote.stdout, direct.stdout, "{what}: {}", remote.stderr);
        assert_eq!(remote.code, direct.code, "{what}: {}", remote.stderr);
        assert_eq!(error_of(&remote), error_of(&direct), "{what}");
        Ok(direct.stdout)
    }
}

fn error_of(finished: &Finished) -> String {
    finished.stderr.lines().filter(|line| line.starts_with("Error:")).collect()
}

/// What two runs may differ in: the moment.
fn timeless(text: &str) -> String {
    let is_time = |line: &&str| {
        !line.starts_with("LAST DEPLOYED")
            && !line.contains("_deployed")
            && !line.contains("started_at")
            && !line.contains("completed_at")
            && !line.starts_with("Last Started:")
            && !line.starts_with("Last Completed:")
    };
    text.lines().filter(is_time).map(|line| format!("{line}\n")).collect()
}

/// What is read by an agent is printed byte for byte as without one.
pub(crate) fn reads_print_the_same(agents: &Agents) -> Outcome {
    let scene = agents.scene("same")?;
    let (_shelf, chart) = scene.serve_chart()?;
    let both = Both::new(&scene)?;
    // Other tests have releases, too; this name is not among them.
    let install = ["install", "same", &chart, "--set", "replicas=0", "--labels", "team=blue", "--wait"];
    let _ = both.direct.run(install)?.ok();
    let _ = both.direct.run(["upgrade", "same", &chart, "--set", "replicas=1", "--description", "more of it"])?.ok();
    for output in ["table", "json", "yaml"] {
        for verb in [
            &["list"][..],
            &["list", "-A", "--filter", "^same$"],
            &["list", "--superseded"],
            &["list", "--short"],
            &["history", "same"],
            &["history", "same", "--max=1"],
            &["status", "same"],
            &["status", "same", "--revision=1"],
            &["get", "metadata", "same"],
            &["get", "values", "same"],
            &["get", "values", "same", "--all", "--revision=1"],
        ] {
            let _ = both.same(&[verb, &["--output", output]].concat())?;
        }
    }
    for output in ["table", "json", "yaml"] {
        for more in [&["--set", "replicas=2"][..], &["--reuse-values"], &["--set", "replicas=0", "--against=manifest"]]
        {
            let diff = ["diff", "same", &chart, "--detailed-exitcode", "--output", output];
            assert!(!both.same(&[&diff[..], more].concat())?.is_empty());
        }
    }
    let _ = both.same(&["diff", "absent", &chart])?;
    assert!(both.same(&["diff", "absent", &chart, "--install"])?.contains("to create"));
    // The plan of a rollback has no verb of its own; the agent gives it.
    let rollback = |against: &str| {
        let spec = serde_json::json!({"namespace": scene.namespace, "release": "same", "revision": 1});
        scene.nats.ask("helm.diff", &serde_json::json!({"verb": "helm.rollback", "against": against, "spec": spec}))
    };
    for against in ["live", "manifest"] {
        let plan = rollback(against)?;
        let changes = plan["plan"]["steps"].to_string();
        assert!(plan["changes"] == true && changes.contains("/spec/replicas"), "{against}: {plan}");
        assert!(plan["text"].as_str().is_some_and(|text| text.contains("revision 3: 1 to update")), "{plan}");
    }
    for verb in [["get", "all"], ["get", "manifest"], ["get", "hooks"], ["get", "notes"]] {
        assert!(!both.same(&[&verb[..], &["same"]].concat())?.is_empty());
    }
    for wrong in [&["status", "absent"][..], &["history", "absent"], &["get", "values", "same", "--revision=9"]] {
        let _ = both.same(wrong)?;
    }
    Ok(())
}

/// What is changed by an agent is told as without one, and real Helm reads it.
pub(crate) fn changes_are_told_the_same(agents: &Agents) -> Outcome {
    let (one, two) = (agents.scene("told")?, agents.scene("told")?);
    let (_shelf, chart) = one.serve_chart()?;
    let (direct, remote) = (Both::new(&one)?, Both::new(&two)?);
    let set = "--set=replicas=0";
    for verb in [
        &["install", "shop", &chart, set, "--dry-run=server"][..],
        &["install", "shop", &chart, set, "--wait"],
        &["install", "shop", &chart, set],
        &["upgrade", "shop", &chart, "--set=replicas=many"],
        &["upgrade", "shop", &chart, "--set=replicas=1", "--wait", "--output=yaml"],
        &["upgrade", "-i", "other", &chart, set, "--set=prepare.enabled=false"],
        &["rollback", "shop", "1"],
        &["rollback", "shop", "7"],
        &["test", "shop"],
        &["uninstall", "shop"],
        &["uninstall", "shop"],
        &["uninstall", "other", "--keep-history"],
    ] {
        let (here, there) = (direct.direct.run(verb)?, remote.remote(verb)?);
        let what = verb.join(" ");
        let there_out = there.stdout.replace(&two.namespace, &one.namespace);
        assert_eq!(timeless(&there_out), timeless(&here.stdout), "{what}: {}", there.stderr);
        assert_eq!(there.code, here.code, "{what}: {}", there.stderr);
        assert_eq!(error_of(&there).replace(&two.namespace, &one.namespace), error_of(&here), "{what}");
    }
    let listed = two.helm4.run(["list", "--uninstalled", "--short"])?.ok();
    assert_eq!(listed, "other\n");
    let local = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/charts/site").display().to_string();
    let error = remote.remote(&["install", "shop", &local])?.fails(1);
    assert!(error.contains("the agent pulls the chart"), "{error}");
    Ok(())
}
