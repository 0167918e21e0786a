package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sipward/media"
)

// clipRate is what convert writes: more than any codec of ours needs.
const clipRate = 16000

// clipCommand is `sipward clip`: is a WAV file fit to be an announcement, and make it so.
func clipCommand(getenv lookup) *cobra.Command {
	c := &cobra.Command{
		Use: "clip", Short: "Check, convert, list and upload announcement clips", Args: argsOf(0, "check, convert, list, put or delete"),
		RunE: func(c *cobra.Command, _ []string) error {
			_ = c.Help()
			return usageError{errors.New("clip needs one of: check, convert, list, put, delete")}
		},
	}
	c.AddCommand(clipCommands(getenv)...)
	c.AddCommand(&cobra.Command{
		Use: "check FILE.wav", Short: "Say what a clip is and what is wrong with it", Args: argsOf(1, "a WAV file"),
		RunE: func(c *cobra.Command, args []string) error { return describeClip(c.OutOrStdout(), args[0]) },
	}, &cobra.Command{
		Use: "convert IN.wav OUT.wav", Short: "Make a clip of 16 kHz, mono, 16 bit", Args: argsOf(2, "two WAV files"),
		RunE: func(c *cobra.Command, args []string) error { return convertClip(c.OutOrStdout(), args[0], args[1]) },
	})
	return c
}

func readClip(path string) (media.PCM, error) {
	f, err := os.Open(path)
	if err != nil {
		return media.PCM{}, err
	}
	defer f.Close()
	pcm, err := media.ReadWAV(f)
	if err != nil {
		return media.PCM{}, fmt.Errorf("%s: %w", path, err)
	}
	return pcm, nil
}

func describeClip(out io.Writer, path string) error {
	pcm, err := readClip(path)
	if err != nil {
		return err
	}
	m := measure(pcm)
	fmt.Fprintf(out, "%s: %.2f s, %d Hz, level %.1f dBFS, peak %.1f dBFS, %d clipped samples\n",
		path, pcm.Duration().Seconds(), pcm.Rate, m.level, m.peak, m.clipped)
	for _, w := range m.warnings() {
		fmt.Fprintf(out, "warn  %s\n", w)
	}
	return nil
}

// loudness is what can be measured of a clip.
type loudness struct {
	level, peak float64 // dBFS; level is the mean power of what is not silence
	clipped     int     // samples in runs of three or more at full scale
	lead        float64 // seconds of silence in front
	offset      float64 // share of full scale
}

const (
	clipSilence = 0.001 // -60 dBFS
	clipFull    = 0.999
	clipFrames  = 50 // level is taken of frames of a fiftieth of a second
	tooQuiet    = -35.0
	tooLoud     = -9.0
)

func measure(p media.PCM) loudness {
	m := loudness{peak: math.Inf(-1), level: math.Inf(-1), lead: p.Duration().Seconds()}
	var sum, power float64
	peak, run, loud, size := 0.0, 0, 0, p.Rate/clipFrames
	for at := 0; at < len(p.Samples); at += size {
		e := 0.0
		frame := p.Samples[at:min(at+size, len(p.Samples))]
		for _, s := range frame {
			v := math.Abs(float64(s))
			sum, e, peak = sum+float64(s), e+v*v, max(peak, v)
			if run++; v < clipFull {
				run = 0
			} else if run >= 3 {
				m.clipped += map[bool]int{true: 3, false: 1}[run == 3]
			}
		}
		if e /= float64(len(frame)); math.Sqrt(e) > clipSilence {
			if loud == 0 {
				m.lead = float64(at) / float64(p.Rate)
			}
			power, loud = power+e, loud+1
		}
	}
	if loud > 0 {
		m.level, m.peak = 10*math.Log10(power/float64(loud)), 20*math.Log10(peak)
	}
	m.offset = sum / float64(max(len(p.Samples), 1))
	return m
}

// warnings are what a listener would complain about; none of it keeps the clip from being used.
func (m loudness) warnings() []string {
	var w []string
	add := func(when bool, format string, a ...any) {
		if when {
			w = append(w, fmt.Sprintf(format, a...))
		}
	}
	add(math.IsInf(m.level, -1), "nothing is heard  — record it again")
	add(!math.IsInf(m.level, -1) && m.level < tooQuiet, "too quiet  — raise it by %.0f dB", -20-m.level)
	add(m.level > tooLoud, "too loud  — lower it by %.0f dB", m.level+16)
	add(m.clipped > 0, "%d samples are cut off at full scale  — record it again with less gain", m.clipped)
	add(!math.IsInf(m.level, -1) && m.lead > 1, "%.1f s of silence in front  — cut it off: callers hang up", m.lead)
	add(math.Abs(m.offset) > 0.02, "a constant offset of %.0f %%  — filter it out: it clicks at both ends", 100*m.offset)
	return w
}

func convertClip(out io.Writer, from, to string) error {
	pcm, err := readClip(from)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := media.WriteWAV(&b, pcm.At(clipRate)); err != nil {
		return err
	}
	if err := replaceFile(to, b.Bytes()); err != nil {
		return err
	}
	return describeClip(out, to)
}

// replaceFile writes a file whole or not at all; what was there stays until then.
// naming puts the file a person asked for into an error about the hidden one that is to become it.
func naming(path string, err error) error {
	var hidden *fs.PathError
	if errors.As(err, &hidden) {
		return &fs.PathError{Op: "write", Path: path, Err: hidden.Err}
	}
	return err
}

func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".clip-*")
	if err != nil {
		return naming(path, err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
