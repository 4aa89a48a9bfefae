package main

import (
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// build is what this program was built of.
type build struct {
	Version  string `json:"version"`            // of the module; (devel) if it was not fetched as one
	Commit   string `json:"commit,omitempty"`   // of the repository, if it was built in one
	Time     string `json:"time,omitempty"`     // of the commit
	Modified bool   `json:"modified,omitempty"` // there was more than the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String is the build on one line.
func (b build) String() string {
	text := b.Version
	if b.Commit != "" {
		text += " " + b.Commit
		if b.Modified {
			text += "+modified"
		}
	}
	return text + " " + b.Go + " " + b.Platform
}

// version is the build as manifests of snapshots and the log name it.
func version() string { return thisBuild().String() }

// serviceVersion is the build as the query service wants it (SemVer): the
// module's version without a leading v, or the commit of a build that has none.
func serviceVersion() string {
	b := thisBuild()
	if v, ok := strings.CutPrefix(b.Version, "v"); ok {
		return v
	}
	if b.Commit == "" {
		return "0.0.0-devel"
	}
	v := "0.0.0-devel+" + b.Commit
	if b.Modified {
		v += ".modified"
	}
	return v
}

// buildFigure says what this program was built of.
func buildFigure() prometheus.Collector {
	b := thisBuild()
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "reddot_build_info", Help: "1, for the build that the labels name.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": b.Go},
	}, func() float64 { return 1 })
}

func (a *app) versionCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:     "version",
		GroupID: groupClient,
		Short:   "Show which reddot this is",
		Long:    `Show the version, the commit that it was built of, and the Go release.`,
		Example: `  reddot version --json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return a.printJSON(thisBuild())
			}
			return a.print("reddot " + version() + "\n")
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
