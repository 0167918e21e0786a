package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

func (f *phoneFlags) registerCommand(getenv lookup) *cobra.Command {
	return &cobra.Command{
		Use: "register", Short: "Register, stay for --duration, unregister", Args: argsOf(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c, getenv, func(ctx context.Context, s phoneSession) error {
				if err := s.register(ctx); err != nil {
					return err
				}
				s.stay(ctx)
				return s.unregister(ctx)
			})
		},
	}
}

func (f *phoneFlags) callCommand(getenv lookup) *cobra.Command {
	register := false
	c := &cobra.Command{
		Use: "call NUMBER", Short: "Call a number and hear what it says", Args: argsOf(1, "the number to call"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, getenv, func(ctx context.Context, s phoneSession) error {
				if register {
					if err := s.register(ctx); err != nil {
						return err
					}
					defer func() { _ = s.unregister(ctx) }() // the call's outcome counts
				}
				return s.call(ctx, args[0])
			})
		},
	}
	c.Flags().BoolVar(&register, "register", false, "register before the call and unregister after it")
	return c
}

func (f *phoneFlags) listenCommand(getenv lookup) *cobra.Command {
	calls, refuse, ring := 0, 0, time.Duration(0)
	c := &cobra.Command{
		Use: "listen", Short: "Register and answer calls until --duration, --calls or Ctrl-C", Args: argsOf(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c, getenv, func(ctx context.Context, s phoneSession) error {
				if err := s.register(ctx); err != nil {
					return err
				}
				err := s.listen(ctx, calls, refuse, ring)
				return errors.Join(err, s.unregister(ctx))
			})
		},
	}
	c.Flags().IntVar(&calls, "calls", 0, "end after so many calls (default: no limit)")
	c.Flags().IntVar(&refuse, "refuse", 0, "refuse calls with this status, such as 486 or 603, instead of answering")
	c.Flags().DurationVar(&ring, "ring", 0, "ring so long before answering")
	return c
}
