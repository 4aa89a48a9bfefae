package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/spf13/cobra"

	"reddot/cmd/reddot/bench"
	"reddot/cmd/reddot/cluster"
	"reddot/cmd/reddot/datadir"
	"reddot/cmd/reddot/failover"
	"reddot/cmd/reddot/heap"
	"reddot/cmd/reddot/natsserver"
	"reddot/events"
	"reddot/projector/store"
)

// benchChildCommand is what bench starts in processes of their own.
func (a *app) benchChildCommand() *cobra.Command {
	cmd := &cobra.Command{Use: bench.ChildCommand, Hidden: true, Args: cobra.NoArgs, Short: "Parts of bench that run in processes of their own"}
	cmd.AddCommand(a.benchNATSCommand(), a.benchFoldCommand(), a.benchViewsCommand(), a.benchCompactCommand(), a.benchEchoCommand(), a.benchHTTPCommand(), a.benchStreamsCommand(), a.benchProfileCommand())
	return cmd
}

func (a *app) benchNATSCommand() *cobra.Command {
	var dir string
	var sync natsserver.SyncPolicy
	var pipes bool
	cmd := &cobra.Command{Use: "nats", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return a.bareServer(cmd.Context(), natsserver.Config{Data: datadir.Dir(dir), Listen: "127.0.0.1:0", Sync: sync, Logger: a.logger(&logConfig{})}, pipes)
	}}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "`directory` of the data")
	f.Var(&sync, "sync", "as of serve")
	f.BoolVar(&pipes, "pipe", false, "pass messages on")
	return cmd
}

// bareServer runs a NATS server as serve does, without reddot.
func (a *app) bareServer(ctx context.Context, cfg natsserver.Config, pipes bool) error {
	s, err := natsserver.Start(cfg)
	if err != nil {
		return err
	}
	if pipes {
		stop, err := bench.ServePipes(ctx, s.URL())
		if err != nil {
			return err
		}
		defer stop()
	}
	fmt.Fprintln(a.stdout, "ready nats="+s.URL())
	<-ctx.Done()
	return s.Shutdown()
}

func (a *app) benchFoldCommand() *cobra.Command {
	var data, dir string
	var from, upto uint64
	var shards int
	cmd := &cobra.Command{Use: "fold", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		defer heap.Save(nil)() // as serve does until it has caught up
		nats := natsserver.Config{Data: datadir.Dir(data), Listen: "127.0.0.1:0", Logger: a.logger(&logConfig{})}
		return bench.ChildFold(cmd.Context(), nats, store.Config{Dir: dir, Shards: shards}, events.Seq(from), events.Seq(upto), a.stdout)
	}}
	f := cmd.Flags()
	f.StringVar(&data, "data", "", "`directory` of the data of a NATS server that has the commands and does not run")
	f.StringVar(&dir, "store", "", "`directory` of the store")
	f.IntVar(&shards, "shards", 0, "how many fold many commands")
	f.Uint64Var(&from, "from", 0, "the commands after this `seq` are timed")
	f.Uint64Var(&upto, "upto", 0, "`seq` of the last command")
	return cmd
}

func (a *app) benchViewsCommand() *cobra.Command {
	var url, dir string
	var upto uint64
	cmd := &cobra.Command{Use: "views", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return bench.ChildViews(cmd.Context(), url, dir, events.Seq(upto), a.stdout)
	}}
	f := cmd.Flags()
	f.StringVar(&url, "server", "", "`URL` of the NATS server that has the commands")
	f.StringVar(&dir, "store", "", "`directory` of the store")
	f.Uint64Var(&upto, "upto", 0, "`seq` of the last command")
	return cmd
}

func (a *app) benchCompactCommand() *cobra.Command {
	var url, dir string
	cmd := &cobra.Command{Use: "compact", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return bench.ChildCompact(cmd.Context(), url, dir, a.stdout)
	}}
	cmd.Flags().StringVar(&url, "server", "", "`URL` of the NATS server that has the commands")
	cmd.Flags().StringVar(&dir, "store", "", "`directory` of the store")
	return cmd
}

func (a *app) benchEchoCommand() *cobra.Command {
	var url string
	cmd := &cobra.Command{Use: "echo", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return bench.ChildEcho(cmd.Context(), url, a.stdout)
	}}
	cmd.Flags().StringVar(&url, "server", "", "`URL` of the NATS server")
	return cmd
}

// benchProfileCommand runs another command line in this process and profiles
// it.
func (a *app) benchProfileCommand() *cobra.Command {
	return &cobra.Command{
		Use: "profile FILE COMMAND...", Args: cobra.MinimumNArgs(2), DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := os.Create(args[0])
			if err != nil {
				return fmt.Errorf("keep a profile: %w", err)
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
			if code := run(cmd.Context(), args[1:], a.stdin, a.stdout, a.stderr); code != exitDone {
				return fmt.Errorf("exit code %d", code)
			}
			return nil
		},
	}
}

// drillNodeCommand is a server of the cluster of a drill.
func (a *app) drillNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use: failover.NodeCommand + " PLAN NUMBER", Hidden: true, Args: cobra.ExactArgs(2), Short: "A NATS server of a cluster on this machine",
		RunE: func(cmd *cobra.Command, args []string) error {
			var plan cluster.Plan
			if err := json.Unmarshal([]byte(args[0]), &plan); err != nil {
				return usagef("the plan: %w", err)
			}
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 0 || n >= len(plan.Servers) {
				return usagef("%s is not the number of a server", args[1])
			}
			return failover.RunNode(cmd.Context(), plan, n, a.stdout)
		},
	}
}

func (a *app) benchHTTPCommand() *cobra.Command {
	return &cobra.Command{Use: "http", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return bench.ChildHTTP(cmd.Context(), a.stdout)
	}}
}

func (a *app) benchStreamsCommand() *cobra.Command {
	var host string
	var n int
	cmd := &cobra.Command{Use: "streams", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return bench.ChildStreams(cmd.Context(), host, n, a.stdout)
	}}
	cmd.Flags().StringVar(&host, "host", "", "`HOST:PORT` of reddot's HTTP API")
	cmd.Flags().IntVar(&n, "streams", 0, "how many")
	return cmd
}
