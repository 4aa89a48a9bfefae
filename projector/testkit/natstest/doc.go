// Package natstest runs NATS servers in the process of a test. Only tests import
// it.
//
//	s := natstest.Start(t)
//	conn, js := s.Connect(), s.JetStream()
//	s.Stop() // an outage
//	s.Restart() // at the same address, with the same files
package natstest
