package bench

import (
	"fmt"
	"path/filepath"
	"slices"

	"reddot/cmd/reddot/process"
)

// keptStderr is the bytes of a child's log that are kept.
const keptStderr = 4 << 10

// start starts this program with other arguments. If it ends unasked, the
// benchmark ends.
func (b *bench) start(args ...string) (*process.Process, error) {
	if b.cfg.Profiles != "" {
		file := fmt.Sprintf("%02d-%s.pprof", len(b.children), args[slices.Index(args, ChildCommand)+1])
		args = append([]string{ChildCommand, "profile", filepath.Join(b.cfg.Profiles, file)}, args...)
	}
	c, err := process.Start(process.Config{Program: b.cfg.Program, Args: args, Kept: keptStderr, Failed: func(err error) { b.fail(err) }})
	if err != nil {
		return nil, err
	}
	b.children = append(b.children, c)
	return c, nil
}
