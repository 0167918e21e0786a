package media

// FramesForTest is what a clip sends in a codec.
func FramesForTest(c *Clip, codec Codec) []byte { return c.frames[codec] }
