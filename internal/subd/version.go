package subd

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// versionTime is how long a program may take to say its version.
const versionTime = 30 * time.Second

// VersionOf runs a daemon's program with --version, to which each answers by one line, and returns that.
func VersionOf(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	return strings.TrimSpace(string(out)), nil
}
