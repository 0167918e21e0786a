package turn

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logs takes pion's words. All of them are about what strangers send, so none is above debug.
type logs struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l logs) NewLogger(string) logging.LeveledLogger { return l }

func (l logs) say(format string, args ...any) { l.log.Debug("turn", "pion", said{format, args}) }

// said is put together only when somebody reads it.
type said struct {
	format string
	args   []any
}

// LogValue implements slog.LogValuer.
func (s said) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf(s.format, s.args...)) }

// Trace implements logging.LeveledLogger: it is of every packet, as is Debug.
func (logs) Trace(string) {}

// Tracef implements logging.LeveledLogger.
func (logs) Tracef(string, ...any) {}

// Debug implements logging.LeveledLogger.
func (logs) Debug(string) {}

// Debugf implements logging.LeveledLogger.
func (logs) Debugf(string, ...any) {}

// Info implements logging.LeveledLogger.
func (l logs) Info(msg string) { l.say("%s", msg) }

// Infof implements logging.LeveledLogger.
func (l logs) Infof(format string, args ...any) { l.say(format, args...) }

// Warn implements logging.LeveledLogger.
func (l logs) Warn(msg string) { l.say("%s", msg) }

// Warnf implements logging.LeveledLogger.
func (l logs) Warnf(format string, args ...any) { l.say(format, args...) }

// Error implements logging.LeveledLogger.
func (l logs) Error(msg string) { l.say("%s", msg) }

// Errorf implements logging.LeveledLogger.
func (l logs) Errorf(format string, args ...any) { l.say(format, args...) }
