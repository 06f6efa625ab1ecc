// Command netschouw inspects a provider's own address ranges for hosts that look like the misused server of 2024.
//
// This package is flags, wiring and exit statuses. Each sub-command has a file and a constructor; the exit status is
// decided in one table (exit.go); settings, their flags and their environment variables come from package config.
package main

import (
	"context"
	"os"
)

func main() {
	tune()
	os.Exit(Run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
