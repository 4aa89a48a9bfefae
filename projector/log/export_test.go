package log

// SetFar sets how far behind a reading turns to the files.
func (l *Log) SetFar(far uint64) { l.far = far }
