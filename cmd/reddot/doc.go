// Command reddot keeps exact unread counts for chat: it folds a stream of
// commands into conversations and totals, emits what changed and answers queries.
// The same program is the server and its client.
//
// This package is wiring: main, the root command with exit codes and environment
// (root.go, environment.go, configfile.go), and a file for each command with its flags, its rendering and
// one call. What the commands do is below:
//
//	serve                   server: the supervisor        natsserver: the embedded NATS server
//	show, status, ...       api/client                    natsconn: as whom, and to which server
//	show --at, verify       asof: a state as of a seq     repository: where snapshots are kept
//	snapshot, trim          snapshot, projector/log       datadir: what is where in --data
//	bench, demo             bench, failover, demo         cluster, process: servers of a drill
//	publish, export         lines: files of commands      api/client: publishing
//	import, compare         counts: of another system     api/client: publishing, asking
//	key, token, nats-config api/identity, server
//	config, health          server
//	deploy                  deploy: files for a machine, a container, a cluster
//	on a terminal           term: bars, tables, ids
//
// # Where is ...
//
// ... a command? In the file of its name, as serve.go; those that publish one command
// each are lines of the tables in actions.go and action_settings.go. newRoot lists them all.
//
// ... a flag? In its command's file, next to its help; who connects in natsconn, the
// place of snapshots in repository, of serve in addServeFlags, where server.Config says
// what it means and what it may be. Its environment variable follows from its name, and a
// former name stands in environment.go.
//
// ... what an error advises? What a flag or the data folder can mend, where the error is
// made; what a query is answered in ask.go, what becomes of a command that is
// published in publishing.go, what a refused one may have meant in advice.go.
//
// ... a fault's test? Each runs the program as a process, with real NATS, its files and
// signals, in a file of TestEndToEnd (main_e2e_test.go lists them):
//
//	crash, kill -9, end            crash_e2e, kill_e2e
//	bits that flip                 corrupt_e2e (log, stream), corruptstore_e2e (store, snapshots)
//	disk full                      full_e2e
//	log truncated, replaced,       truncated_e2e, forged_e2e, drift_e2e, backup_e2e,
//	restored, with a hole          rebuild_e2e (testForeign), skip_e2e
//	NATS away, slow, refused       outage_e2e, queue_e2e; connection, permissions and servers tests
//	two reddots, a cluster         answers_e2e, crash_e2e (testStandby), cluster_e2e, drill_e2e
//	hostile clients                hostile_e2e, phones_test.go; server: door, websocket and tls tests
//
// Faults of one part are tested beside it: projector/sim replays whole runs from a seed,
// store and snapshot crash at every write.
//
// # How to add a command or a flag
//
// A command: its file here, and newRoot in root.go; one that is forgotten there is a
// function that nobody calls, which staticcheck names. A flag of serve: server.Config with
// its meaning, its bound in Validate and in TestValidate, its line in addServeFlags and in
// the table of api/docs/configuration.md, which TestPages looks into.
package main
