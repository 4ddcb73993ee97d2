package look

import "image/color"

var clear = color.NRGBA{}

// over blends a translucent colour over an opaque one.
func over(back, front color.Color) color.Color {
	b := color.NRGBAModel.Convert(back).(color.NRGBA)
	f := color.NRGBAModel.Convert(front).(color.NRGBA)
	mix := func(x, y uint8) uint8 { return uint8((int(x)*(255-int(f.A)) + int(y)*int(f.A)) / 255) }
	return color.NRGBA{R: mix(b.R, f.R), G: mix(b.G, f.G), B: mix(b.B, f.B), A: b.A}
}
