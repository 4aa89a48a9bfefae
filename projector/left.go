package projector

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// A reader that is killed leaves its consumer behind, for a minute. Whoever starts
// again would take it for another reddot's, and settle. So its name lies beside the
// stores: what can't be read or written there costs no more than that.

// leftSuffix is added to the stores' folder.
const leftSuffix = ".reader"

// leftMost bounds the name of a consumer, in bytes.
const leftMost = 64

func (p *Projector) leftPath() string { return filepath.Clean(p.cfg.Dir) + leftSuffix }

// leave writes down which consumer is left behind by a crash.
func (p *Projector) leave(consumer string) {
	next := p.leftPath() + ".new"
	err := os.WriteFile(next, []byte(consumer+"\n"), 0o600)
	if err == nil {
		err = os.Rename(next, p.leftPath())
	}
	if err != nil {
		p.cfg.Logger.Warn("write down who reads the log", "error", err)
	}
}

// removeLeft removes the consumer that was left behind. The folder is this
// process's, so whoever made it has ended.
func (p *Projector) removeLeft(ctx context.Context) {
	text, err := os.ReadFile(p.leftPath())
	consumer := strings.TrimSpace(string(text))
	if err != nil || consumer == "" || len(consumer) > leftMost || strings.ContainsAny(consumer, " \t\r\n.*>/\\") {
		return
	}
	_ = p.log.RemoveConsumer(ctx, consumer) // it ends by itself
}
