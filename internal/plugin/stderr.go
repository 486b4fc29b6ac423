package plugin

import (
	"bufio"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"fulmen/internal/budget"
)

// What a plugin prints on its stderr goes to the log line by line, up to maxErrLine bytes each, errBurst lines at
// once and errRate a second in the long run. What is more is dropped: it is the plugin's own affair.
const (
	maxErrLine = 4 << 10
	errBurst   = 200
	errRate    = 20
)

// stderrOf is what the plugin gets as its stderr: lightningd's own, or where that is nobody's (--daemon), a pipe of which
// the lines are logged. The caller closes theirs once the plugin has it.
func stderrOf(spec *Spec) (ours, theirs *os.File, err error) {
	if !spec.LogStderr {
		return nil, os.Stderr, nil
	}
	return os.Pipe()
}

// logLines reads to the end of r, which comes when nobody has the other end any more.
func logLines(r io.ReadCloser, log *slog.Logger) {
	defer r.Close()
	lines := bufio.NewReaderSize(r, maxErrLine)
	allowed := budget.New(errBurst, errRate, time.Now())
	for {
		line, _, err := lines.ReadLine()
		if err != nil {
			return
		}
		if text := strings.TrimSpace(string(line)); text != "" && allowed.Take(time.Now()) {
			log.Warn("stderr: " + text)
		}
	}
}
