// Package failover is a drill: reddot on a cluster, while parts of it fail.
//
//	3 NATS servers ── 2 reddots ──►  a receiver of webhooks: everybody's newest badge
//	  ▲    ▲    ▲                    (each of the servers and reddots a process of its own)
//	  │    │    └── who asks the leaders: how long the cluster has none
//	  │    └─────── listeners: how long nothing is heard
//	  └──────────── a back end: 200 commands a second for 50 users, sent again until
//	                acknowledged: how long that takes
//
// # What is checked
//
// After each fault everything is mended, and what came of it is audited: no event
// with a version that its user had before, or an older one, in the stream or
// as heard; what the events add up to is what each reddot answers, the totals and
// every conversation; both have the same digest; "reddot verify" agrees; the log has what
// was acknowledged; and a webhook has told everybody's newest badge.
//
// # What is measured
//
// A silence lasts from one thing heard to the next, over all of the fault and the
// mending. Events are heard when any listener hears them. A command counts as
// refused if it had to be sent more than once, from its first time until it was
// acknowledged. The election is the longest time in which the leader of the
// commands, of the events or of the cluster answered nothing, reddot aside.
package failover
