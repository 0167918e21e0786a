package redis

import (
	"context"
	"crypto/sha1" //nolint:gosec // the name Redis gives a script
	_ "embed"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

//go:embed txn.lua
var txnSource string

//go:embed puts.lua
var putsSource string

//go:embed range.lua
var rangeSource string

// script is a Lua script and the name Redis knows it by.
type script struct{ source, sha string }

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // as above
	return script{source, hex.EncodeToString(sum[:])}
}

// once is a command that go-redis never sends a second time on its own, though its cluster client else would after a
// broken connection: an append could happen twice. Being redirected (MOVED, ASK) is no second time.
type once struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (once) NoRetry() bool { return true }

// command builds EVALSHA, or EVAL with the whole source, from the arguments behind the script.
func (s script) command(ctx context.Context, rest []any, whole bool) once {
	args := make([]any, 0, 2+len(rest))
	if whole {
		args = append(args, "eval", s.source)
	} else {
		args = append(args, "evalsha", s.sha)
	}
	cmd := redis.NewCmd(ctx, append(args, rest...)...)
	cmd.SetFirstKeyPos(3)
	return once{cmd}
}
