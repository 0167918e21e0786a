package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"
)

// The limits of an uploaded clip.
const (
	maxWAVBytes   = 16 << 20
	maxWAVSeconds = 60
	minWAVRate    = 8000
	maxWAVRate    = 48000
)

// ErrBadWAV wraps every refusal of a WAV file; the text says what is wrong and what is accepted.
var ErrBadWAV = errors.New("unusable WAV file")

const accepted = "accepted: WAV, PCM, 8 to 48 kHz, 8, 16 or 24 bit, mono or stereo, at most 60 s and 16 MiB"

func badWAV(format string, a ...any) error {
	return fmt.Errorf("%w: %s (%s)", ErrBadWAV, fmt.Sprintf(format, a...), accepted)
}

// ReadWAV decodes a WAV file to mono. A hostile file costs at most its own size and three bytes per byte of audio.
func ReadWAV(r io.Reader) (PCM, error) {
	file, err := io.ReadAll(io.LimitReader(r, maxWAVBytes+1))
	if err != nil {
		return PCM{}, fmt.Errorf("read WAV: %w", err)
	}
	if len(file) > maxWAVBytes {
		return PCM{}, badWAV("larger than %d MiB", maxWAVBytes>>20)
	}
	f, data, err := splitWAV(file)
	if err != nil {
		return PCM{}, err
	}
	if err := f.check(len(data)); err != nil {
		return PCM{}, err
	}
	return f.decode(data)
}

// wavFormat is the part of the fmt chunk that we use.
type wavFormat struct {
	tag, channels uint16
	rate          uint32
	bits          uint16
}

const (
	formatPCM        = 1
	formatExtensible = 0xFFFE // the true format is the first word of the sub-format
)

// splitWAV walks the RIFF chunks itself: go-audio allocates what a LIST chunk claims, so it sees only what we hand on.
func splitWAV(file []byte) (f wavFormat, data []byte, err error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return f, nil, badWAV("not a WAV file: no RIFF/WAVE header")
	}
	for rest := file[12:]; len(rest) >= 8; {
		id, size, body := string(rest[:4]), binary.LittleEndian.Uint32(rest[4:]), rest[8:]
		if id == "data" {
			if f.tag == 0 {
				return f, nil, badWAV("no fmt chunk before the data")
			}
			data, err = dataChunk(body, size)
			return f, data, err
		}
		if uint64(size) > uint64(len(body)) {
			return f, nil, badWAV("truncated: chunk %q claims %d bytes, %d are left", id, size, len(body))
		}
		if id == "fmt " {
			if f, err = parseFormat(body[:size]); err != nil {
				return f, nil, err
			}
		}
		rest = body[min(int(size)+int(size&1), len(body)):] // chunks are padded to even sizes
	}
	return f, nil, badWAV("no audio: it has no data chunk")
}

// unknownSize and above is what programs write that stream to a pipe: the data goes on to the end of the file.
const unknownSize = 0x7FFFF000

func dataChunk(body []byte, size uint32) ([]byte, error) {
	if size >= unknownSize {
		return body, nil
	}
	if uint64(size) > uint64(len(body)) {
		return nil, badWAV("truncated: the audio should have %d bytes, %d are there", size, len(body))
	}
	return body[:size], nil
}

func parseFormat(b []byte) (wavFormat, error) {
	if len(b) < 16 {
		return wavFormat{}, badWAV("fmt chunk of %d bytes is too short", len(b))
	}
	f := wavFormat{
		tag:      binary.LittleEndian.Uint16(b),
		channels: binary.LittleEndian.Uint16(b[2:]),
		rate:     binary.LittleEndian.Uint32(b[4:]),
		bits:     binary.LittleEndian.Uint16(b[14:]),
	}
	if f.tag == formatExtensible && len(b) >= 40 {
		f.tag = binary.LittleEndian.Uint16(b[24:])
	}
	return f, nil
}

func (f wavFormat) check(dataBytes int) error {
	switch {
	case f.tag != formatPCM:
		return badWAV("audio format %d is not PCM", f.tag)
	case f.channels != 1 && f.channels != 2:
		return badWAV("%d channels", f.channels)
	case f.rate < minWAVRate || f.rate > maxWAVRate:
		return badWAV("sample rate %d Hz", f.rate)
	case f.bits != 8 && f.bits != 16 && f.bits != 24:
		return badWAV("%d bits per sample", f.bits)
	}
	samples := dataBytes / f.bytesPerSample()
	switch {
	case samples == 0:
		return badWAV("no audio: its data chunk is empty")
	case samples > maxWAVSeconds*int(f.rate):
		return badWAV("%d s long", samples/int(f.rate))
	}
	return nil
}

// bytesPerSample counts all channels.
func (f wavFormat) bytesPerSample() int { return int(f.bits) / 8 * int(f.channels) }

// decode runs go-audio/wav over a file of just the two chunks, a block at a time, and mixes to mono.
func (f wavFormat) decode(data []byte) (PCM, error) {
	data = data[:len(data)/f.bytesPerSample()*f.bytesPerSample()]
	d := wav.NewDecoder(bytes.NewReader(append(f.header(len(data)), data...)))
	out := make([]float32, 0, len(data)/f.bytesPerSample())
	block := &audio.IntBuffer{Data: make([]int, 8192)} // even: a stereo pair is never split
	for {
		n, err := d.PCMBuffer(block)
		if err != nil {
			return PCM{}, badWAV("%v", err)
		}
		if n == 0 {
			return PCM{Rate: int(f.rate), Samples: out}, nil
		}
		out = f.mix(out, block.Data[:n])
	}
}

// mix appends the mean of the channels, scaled to [-1, 1).
func (f wavFormat) mix(out []float32, in []int) []float32 {
	full, zero := float32(int(1)<<(f.bits-1)), 0
	if f.bits == 8 {
		zero = 128 // 8-bit WAV is unsigned
	}
	n := int(f.channels)
	for ; len(in) >= n; in = in[n:] {
		sum := float32(0)
		for _, v := range in[:n] {
			sum += float32(v-zero) / full
		}
		out = append(out, sum/float32(n))
	}
	return out
}

const wavHeaderBytes = 44

func (f wavFormat) header(dataBytes int) []byte {
	b := make([]byte, 0, wavHeaderBytes+dataBytes)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(wavHeaderBytes-8+dataBytes))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, formatPCM)
	b = binary.LittleEndian.AppendUint16(b, f.channels)
	b = binary.LittleEndian.AppendUint32(b, f.rate)
	b = binary.LittleEndian.AppendUint32(b, f.rate*uint32(f.bytesPerSample()))
	b = binary.LittleEndian.AppendUint16(b, uint16(f.bytesPerSample()))
	b = binary.LittleEndian.AppendUint16(b, f.bits)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, uint32(dataBytes))
}

// WriteWAV writes 16-bit mono PCM as a WAV file.
func WriteWAV(w io.Writer, p PCM) error {
	f := wavFormat{tag: formatPCM, channels: 1, rate: uint32(p.Rate), bits: 16}
	b := f.header(2 * len(p.Samples))
	for _, s := range p.Int16() {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	_, err := w.Write(b)
	return err
}
