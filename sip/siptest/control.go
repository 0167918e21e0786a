package siptest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// control speaks with baresip's ctrl_tcp module: JSON in netstrings, answers and events mixed.
type control struct {
	conn    net.Conn
	events  chan Event  // closed when the connection ends
	answers chan answer // closed with it
	done    chan struct{}
}

func newControl(conn net.Conn) *control {
	c := &control{conn: conn, events: make(chan Event, 1000), answers: make(chan answer, 10), done: make(chan struct{})}
	go c.read()
	return c
}

func (c *control) close() {
	c.conn.Close()
	<-c.done
}

func (c *control) read() {
	defer close(c.done)
	defer close(c.events)
	defer close(c.answers)
	r := bufio.NewReader(c.conn)
	for {
		b, err := netstring(r)
		if err != nil {
			return
		}
		if e, err := parse[Event](b); err == nil && e.Type != "" {
			select {
			case c.events <- e:
			default: // nobody has looked for a thousand events
			}
		} else if a, err := parse[answer](b); err == nil {
			select {
			case c.answers <- a:
			default:
			}
		}
	}
}

// netstring reads "12:hello world!,".
func netstring(r *bufio.Reader) ([]byte, error) {
	head, err := r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(head[:len(head)-1])
	if err != nil || n < 0 || n > 1<<20 {
		return nil, fmt.Errorf("netstring length %q", head)
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	return b[:n], nil
}

func (c *control) command(ctx context.Context, command, params string) error {
	b, err := json.Marshal(map[string]string{"command": command, "params": params, "token": command})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.conn, "%d:%s,", len(b), b); err != nil {
		return err
	}
	select {
	case a, ok := <-c.answers:
		if !ok {
			return errors.New("baresip closed the control connection")
		}
		if !a.OK {
			return fmt.Errorf("refused: %s", a.Data)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
