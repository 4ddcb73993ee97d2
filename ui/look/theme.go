// Package look is how Burble looks: colours, sizes, icons, and the few small widgets that all parts of the window use.
package look

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Colours beyond Fyne's own names.
const (
	ColorSidebar    fyne.ThemeColorName = "burbleSidebar"
	ColorBubble     fyne.ThemeColorName = "burbleBubble"     // a user's message
	ColorSurface    fyne.ThemeColorName = "burbleSurface"    // code blocks, cards
	ColorBorder     fyne.ThemeColorName = "burbleBorder"     // hairlines
	ColorMuted      fyne.ThemeColorName = "burbleMuted"      // secondary text
	ColorSelected   fyne.ThemeColorName = "burbleSelected"   // the chosen row
	ColorInlineCode fyne.ThemeColorName = "burbleInlineCode" // behind `code`
	ColorErrorSoft  fyne.ThemeColorName = "burbleErrorSoft"  // behind an error
	ColorFaint      fyne.ThemeColorName = "burbleFaint"      // what can't be pressed

	ColorCodeKeyword  fyne.ThemeColorName = "burbleCodeKeyword"
	ColorCodeString   fyne.ThemeColorName = "burbleCodeString"
	ColorCodeNumber   fyne.ThemeColorName = "burbleCodeNumber"
	ColorCodeComment  fyne.ThemeColorName = "burbleCodeComment"
	ColorCodeFunction fyne.ThemeColorName = "burbleCodeFunction"
	ColorCodeType     fyne.ThemeColorName = "burbleCodeType"
)

// Sizes of the layout, in device-independent pixels.
const (
	TextSize     float32 = 15   // body text of the transcript
	LineHeight   float32 = 1.55 // of body text, as a multiple of its size
	CodeSize     float32 = 13.5
	SmallSize    float32 = 12.5
	Measure      float32 = 760 // widest column of text
	Radius       float32 = 10
	SidebarWidth float32 = 264
	HeaderHeight float32 = 52
)

// Mode says which variant of the theme is used.
type Mode string

// Modes of the theme.
const (
	System Mode = "system"
	Light  Mode = "light"
	Dark   Mode = "dark"
)

// Theme is Burble's theme.
type Theme struct{ mode Mode }

// NewTheme returns the theme in a mode; any other than Light and Dark follows the system.
func NewTheme(m Mode) *Theme { return &Theme{mode: m} }

// Mode returns the mode that the theme was made with.
func (t *Theme) Mode() Mode { return t.mode }

// Variant returns the variant that is drawn where the system prefers v.
func (t *Theme) Variant(v fyne.ThemeVariant) fyne.ThemeVariant {
	switch t.mode {
	case Light:
		return theme.VariantLight
	case Dark:
		return theme.VariantDark
	}
	return v
}

// Color returns a colour by its name.
func (t *Theme) Color(name fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	v = t.Variant(v)
	p := &lightPalette
	if v == theme.VariantDark {
		p = &darkPalette
	}
	if c, ok := (*p)[name]; ok {
		return c
	}
	return theme.DefaultTheme().Color(name, v)
}

// Font returns Fyne's own fonts, which are bundled: text measures the same on every machine.
func (t *Theme) Font(s fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(s) }

// Icon returns Fyne's icons; Burble's own are in this package's variables.
func (t *Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(n) }

// Size returns a size by its name.
func (t *Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameText:
		return 14
	case theme.SizeNameCaptionText:
		return 11.5
	case theme.SizeNameSubHeadingText:
		return 17
	case theme.SizeNameHeadingText:
		return 22
	case theme.SizeNamePadding:
		return 5
	case theme.SizeNameInnerPadding:
		return 9
	case theme.SizeNameLineSpacing:
		return 5
	case theme.SizeNameInlineIcon:
		return 18
	case theme.SizeNameScrollBar:
		return 10
	case theme.SizeNameScrollBarSmall:
		return 4
	case theme.SizeNameInputRadius, theme.SizeNameButtonRadius, theme.SizeNameSelectionRadius:
		return 8
	case theme.SizeNameScrollBarRadius:
		return 4
	case theme.SizeNameDialogRadius, theme.SizeNameCardRadius:
		return 14
	case theme.SizeNamePopupRadius, theme.SizeNameMenuRadius:
		return 10
	case theme.SizeNameInputBorder:
		return 1
	case theme.SizeNameModalBlurRadius:
		return 0
	}
	return theme.DefaultTheme().Size(n)
}

// Color returns the current theme's colour.
func Color(name fyne.ThemeColorName) color.Color {
	s := fyne.CurrentApp().Settings()
	return s.Theme().Color(name, s.ThemeVariant())
}

func rgb(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

func rgba(v uint32) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 24), G: uint8(v >> 16), B: uint8(v >> 8), A: uint8(v)}
}

type palette map[fyne.ThemeColorName]color.NRGBA

var lightPalette = palette{
	theme.ColorNameBackground:          rgb(0xffffff),
	theme.ColorNameForeground:          rgb(0x1d2125),
	theme.ColorNamePrimary:             rgb(0x0f766e),
	theme.ColorNameForegroundOnPrimary: rgb(0xffffff),
	theme.ColorNameHyperlink:           rgb(0x0b6bcb),
	theme.ColorNameFocus:               rgba(0x0f766e38),
	theme.ColorNameSelection:           rgba(0x0f766e33),
	theme.ColorNameHover:               rgba(0x1d21250d),
	theme.ColorNamePressed:             rgba(0x1d21251a),
	theme.ColorNameButton:              rgb(0xeef0f1),
	theme.ColorNameDisabledButton:      rgb(0xf1f2f3),
	theme.ColorNameDisabled:            rgb(0x6b737b),
	theme.ColorNamePlaceHolder:         rgb(0x6b737b),
	theme.ColorNameInputBackground:     rgb(0xffffff),
	theme.ColorNameInputBorder:         rgb(0xd9dde1),
	theme.ColorNameSeparator:           rgb(0xe7e9ec),
	theme.ColorNameScrollBar:           rgba(0x1d212540),
	theme.ColorNameScrollBarBackground: rgba(0x00000000),
	theme.ColorNameShadow:              rgba(0x0000001f),
	theme.ColorNameMenuBackground:      rgb(0xffffff),
	theme.ColorNameOverlayBackground:   rgb(0xffffff),
	theme.ColorNameHeaderBackground:    rgb(0xf6f7f8),
	theme.ColorNameError:               rgb(0xc92a2a),
	theme.ColorNameWarning:             rgb(0xb45309),
	theme.ColorNameSuccess:             rgb(0x26803a),
	ColorSidebar:                       rgb(0xf6f7f7),
	ColorBubble:                        rgb(0xeaf3f2),
	ColorSurface:                       rgb(0xf6f8f9),
	ColorBorder:                        rgb(0xe4e7ea),
	ColorMuted:                         rgb(0x5d656d),
	ColorSelected:                      rgb(0xe3e9e9),
	ColorInlineCode:                    rgba(0x1d212511),
	ColorErrorSoft:                     rgb(0xfdf1f0),
	ColorFaint:                         rgb(0xa6adb4),
	ColorCodeKeyword:                   rgb(0x9c27b0),
	ColorCodeString:                    rgb(0x2b7a3d),
	ColorCodeNumber:                    rgb(0xb45309),
	ColorCodeComment:                   rgb(0x66707a),
	ColorCodeFunction:                  rgb(0x0b5cad),
	ColorCodeType:                      rgb(0x0f766e),
}

var darkPalette = palette{
	theme.ColorNameBackground:          rgb(0x17191b),
	theme.ColorNameForeground:          rgb(0xe6e8ea),
	theme.ColorNamePrimary:             rgb(0x4fd1c0),
	theme.ColorNameForegroundOnPrimary: rgb(0x08201d),
	theme.ColorNameHyperlink:           rgb(0x74b4f5),
	theme.ColorNameFocus:               rgba(0x4fd1c038),
	theme.ColorNameSelection:           rgba(0x4fd1c040),
	theme.ColorNameHover:               rgba(0xffffff0f),
	theme.ColorNamePressed:             rgba(0xffffff1f),
	theme.ColorNameButton:              rgb(0x2a2e31),
	theme.ColorNameDisabledButton:      rgb(0x222528),
	theme.ColorNameDisabled:            rgb(0x8b939a),
	theme.ColorNamePlaceHolder:         rgb(0x8b939a),
	theme.ColorNameInputBackground:     rgb(0x1f2224),
	theme.ColorNameInputBorder:         rgb(0x353a3e),
	theme.ColorNameSeparator:           rgb(0x292d30),
	theme.ColorNameScrollBar:           rgba(0xffffff38),
	theme.ColorNameScrollBarBackground: rgba(0x00000000),
	theme.ColorNameShadow:              rgba(0x00000059),
	theme.ColorNameMenuBackground:      rgb(0x212427),
	theme.ColorNameOverlayBackground:   rgb(0x1d2022),
	theme.ColorNameHeaderBackground:    rgb(0x1f2224),
	theme.ColorNameError:               rgb(0xff8787),
	theme.ColorNameWarning:             rgb(0xf5b454),
	theme.ColorNameSuccess:             rgb(0x69db7c),
	ColorSidebar:                       rgb(0x111314),
	ColorBubble:                        rgb(0x25302f),
	ColorSurface:                       rgb(0x1e2123),
	ColorBorder:                        rgb(0x2c3033),
	ColorMuted:                         rgb(0x949ca3),
	ColorSelected:                      rgb(0x24292a),
	ColorInlineCode:                    rgba(0xffffff17),
	ColorErrorSoft:                     rgb(0x2d1f1f),
	ColorFaint:                         rgb(0x5b6268),
	ColorCodeKeyword:                   rgb(0xd8a1f0),
	ColorCodeString:                    rgb(0x9bd29b),
	ColorCodeNumber:                    rgb(0xf0b775),
	ColorCodeComment:                   rgb(0x868f96),
	ColorCodeFunction:                  rgb(0x86bdf5),
	ColorCodeType:                      rgb(0x6fd6c8),
}
