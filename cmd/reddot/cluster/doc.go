// Package cluster runs NATS servers with JetStream as one cluster on this machine:
// for tests, which have them in their own process, and for benchmarks, which have
// each in a process of its own so that it can be killed. Both use the same
// options, which a Plan makes. A cluster listens on loopback alone.
package cluster
