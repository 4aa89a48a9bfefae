package natsserver

import "log/slog"

// What the tests know beside the exported surface: the bytes of a stream's file, and
// bounds.
const (
	MaxMessage  = maxMessage
	MaxHole     = maxHole
	RecordHead  = recordHead
	RecordSeqAt = recordSeqAt
	TailFiles   = tailFiles
	Recently    = recently
	RecordsOf   = recordsOf
)

var (
	EachStream = eachStream
	BeginOf    = beginOf
	FindStray  = findStray
)

// NewLog makes the log of a server.
func NewLog(log *slog.Logger, failed func(error)) *serverLog {
	return &serverLog{log: log, failed: failed}
}

// Fatal is the fatal error that was logged.
func (l *serverLog) Fatal() error { return l.fatal() }

// Block is a file of a stream.
type Block = block

// Path is where it is.
func (b block) Path() string { return b.path }
