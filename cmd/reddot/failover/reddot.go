package failover

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"reddot/cmd/reddot/process"
)

// reddotCount is the reddots of a drill.
const reddotCount = 2

// scrapeWait bounds one look at a reddot's figures.
const scrapeWait = 5 * time.Second

// reddot is a "reddot serve".
type reddot struct {
	name    string
	program string
	args    []string
	running *process.Process // nil before the first start
	http    string           // host:port
}

// begin starts it; it is not ready yet.
func (r *reddot) begin() (err error) {
	r.http = ""
	r.running, err = process.Start(process.Config{Program: r.program, Args: r.args, Kept: keptLog})
	return err
}

// ready waits for its ready line.
func (r *reddot) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	line, err := r.running.Line(ctx)
	if err != nil {
		return fmt.Errorf("%s is not ready: %w", r.name, err)
	}
	_, at, ok := strings.Cut(line, " http=")
	if !ok {
		return fmt.Errorf("%s says %q instead of where it listens", r.name, line)
	}
	r.http = at
	return nil
}

// figures are its metrics, by name and labels as /metrics writes them.
func (r *reddot) figures(ctx context.Context) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.http+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the figures of %s: %w", r.name, err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the figures of %s: %s", r.name, reply.Status)
	}
	return parseFigures(reply.Body)
}

func parseFigures(in io.Reader) (map[string]float64, error) {
	all := map[string]float64{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		v, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("read figures: %q: %w", lines.Text(), err)
		}
		all[lines.Text()[:at]] = v
	}
	return all, lines.Err()
}

// unready says why a reddot is not ready.
func (r *reddot) unready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, scrapeWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.http+"/readyz", nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask whether %s is ready: %w", r.name, err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", r.name, reply.Status)
	}
	return nil
}

// Names of figures.
const (
	figureApplied = `reddot_status_seq{position="applied"}`
	figureEmitted = `reddot_status_seq{position="emitted"}`
	figureChanges = "reddot_events_changes_total"
)
