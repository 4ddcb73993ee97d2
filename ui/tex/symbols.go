package tex

import "strings"

// class is an atom's class in TeX's sense (The TeXbook, chapter 17): it decides the space around it.
type class uint8

const (
	ordinary class = iota
	operator
	dyadic
	relation
	opening
	closing
	punctuation
	inner
)

// symbol is what a command without arguments, or a character, stands for.
type symbol struct {
	r     rune
	class class
	big   bool // an operator that grows in display style
	slim  bool // an integral: its limits stand at its side
}

// The commands that stand for a character of Unicode, by class. The characters are those of the Unicode Technical
// Report 25 and of the unicode-math package's table.
const (
	ordinarySymbols = `
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ varkappa ϰ lambda λ mu μ nu ν
xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω digamma ϝ
Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
varGamma 𝛤 varDelta 𝛥 varTheta 𝛩 varLambda 𝛬 varXi 𝛯 varPi 𝛱 varSigma 𝛴 varPhi 𝛷 varPsi 𝛹 varOmega 𝛺
infty ∞ partial ∂ nabla ∇ forall ∀ exists ∃ nexists ∄ emptyset ∅ varnothing ∅ aleph ℵ beth ℶ gimel ℷ hbar ℏ hslash ℏ ell ℓ wp ℘ Re ℜ Im ℑ
imath 𝚤 jmath 𝚥 prime ′ backprime ‵ angle ∠ measuredangle ∡ sphericalangle ∢ triangle △ triangledown ▽ square □ Box □ blacksquare ■ lozenge ◊ Diamond ◊ bigstar ★
diamondsuit ♢ heartsuit ♡ clubsuit ♣ spadesuit ♠ flat ♭ natural ♮ sharp ♯ top ⊤ bot ⊥ neg ¬ lnot ¬ surd √ checkmark ✓ maltese ✠
degree ° copyright © pounds £ yen ¥ euro € S § P ¶ dag † ddag ‡ complement ∁ eth ð Finv Ⅎ mho ℧ AA Å aa å O Ø o ø ss ß ae æ AE Æ oe œ OE Œ
N ℕ Z ℤ Q ℚ R ℝ C ℂ reals ℝ natnums ℕ Reals ℝ blacktriangle ▲ blacktriangledown ▼ blacklozenge ⧫ vdots ⋮ therefore ∴ because ∵ colon : QED ∎`
	operatorSymbols = `sum ∑ prod ∏ coprod ∐ bigcup ⋃ bigcap ⋂ bigvee ⋁ bigwedge ⋀ bigsqcup ⨆ bigoplus ⨁ bigotimes ⨂ bigodot ⨀ biguplus ⨄`
	integralSymbols = `int ∫ iint ∬ iiint ∭ oint ∮ oiint ∯ oiiint ∰ intop ∫`
	binarySymbols   = `
pm ± mp ∓ times × div ÷ ast ∗ star ⋆ circ ∘ bullet ∙ cdot ⋅ centerdot ⋅ cap ∩ cup ∪ uplus ⊎ sqcap ⊓ sqcup ⊔ vee ∨ lor ∨ wedge ∧ land ∧
setminus ∖ smallsetminus ∖ wr ≀ diamond ⋄ bigtriangleup △ bigtriangledown ▽ triangleleft ◁ triangleright ▷ oplus ⊕ ominus ⊖ otimes ⊗
oslash ⊘ odot ⊙ bigcirc ◯ dagger † ddagger ‡ amalg ⨿ ltimes ⋉ rtimes ⋊ boxplus ⊞ boxminus ⊟ boxtimes ⊠ boxdot ⊡ circledast ⊛ circledcirc ⊚
veebar ⊻ barwedge ⌅ curlyvee ⋎ curlywedge ⋏ Cap ⋒ Cup ⋓ intercal ⊺ dotplus ∔ divideontimes ⋇ And &`
	relationSymbols = `
le ≤ leq ≤ ge ≥ geq ≥ leqslant ⩽ geqslant ⩾ leqq ≦ geqq ≧ ll ≪ gg ≫ lll ⋘ ggg ⋙ ne ≠ neq ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ approxeq ≊ cong ≅ doteq ≐
propto ∝ varpropto ∝ asymp ≍ bowtie ⋈ models ⊨ vDash ⊨ Vdash ⊩ Vvdash ⊪ vdash ⊢ dashv ⊣ nvdash ⊬ nvDash ⊭ perp ⟂ mid ∣ nmid ∤ parallel ∥ nparallel ∦ smile ⌣ frown ⌢
prec ≺ succ ≻ preceq ⪯ succeq ⪰ precsim ≾ succsim ≿ preccurlyeq ≼ succcurlyeq ≽ lesssim ≲ gtrsim ≳ lessapprox ⪅ gtrapprox ⪆ lessgtr ≶ gtrless ≷
subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ supsetneq ⊋ nsubseteq ⊈ nsupseteq ⊉ sqsubset ⊏ sqsupset ⊐ sqsubseteq ⊑ sqsupseteq ⊒ Subset ⋐ Supset ⋑
in ∈ ni ∋ owns ∋ notin ∉ nless ≮ ngtr ≯ nleq ≰ ngeq ≱ nsim ≁ ncong ≇ nprec ⊀ nsucc ⊁ triangleq ≜ coloneqq ≔ coloneq ≔ eqqcolon ≕ vcentcolon : stackreleq ≛ risingdotseq ≓ fallingdotseq ≒ eqcirc ≖ circeq ≗ bumpeq ≏
trianglelefteq ⊴ trianglerighteq ⊵ vartriangleleft ⊲ vartriangleright ⊳ between ≬ pitchfork ⋔ multimap ⊸
leftarrow ← gets ← rightarrow → to → leftrightarrow ↔ Leftarrow ⇐ Rightarrow ⇒ Leftrightarrow ⇔ uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕
longleftarrow ⟵ longrightarrow ⟶ longleftrightarrow ⟷ Longleftarrow ⟸ Longrightarrow ⟹ Longleftrightarrow ⟺ iff ⟺ implies ⟹ impliedby ⟸
mapsto ↦ longmapsto ⟼ hookleftarrow ↩ hookrightarrow ↪ nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖ leftharpoonup ↼ leftharpoondown ↽ rightharpoonup ⇀ rightharpoondown ⇁
rightleftharpoons ⇌ leftrightharpoons ⇋ rightleftarrows ⇄ leftrightarrows ⇆ leftleftarrows ⇇ rightrightarrows ⇉ upuparrows ⇈ downdownarrows ⇊ nleftarrow ↚ nrightarrow ↛ nRightarrow ⇏ nLeftarrow ⇍ nleftrightarrow ↮ nLeftrightarrow ⇎
leadsto ⇝ rightsquigarrow ⇝ twoheadrightarrow ↠ twoheadleftarrow ↞ rightarrowtail ↣ curvearrowright ↷ curvearrowleft ↶ circlearrowright ↻ circlearrowleft ↺ upharpoonright ↾ restriction ↾ Lsh ↰ Rsh ↱ dashrightarrow ⇢ dashleftarrow ⇠ xlongequal =`
	innerSymbols       = `dots … ldots … cdots ⋯ dotsc … dotsb ⋯ dotsm ⋯ dotsi ⋯ dotso … hdots … ddots ⋱ iddots ⋰ adots ⋰`
	punctuationSymbols = `ldotp . cdotp · comma ,`
	openingSymbols     = `lbrace { lbrack [ langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖ ulcorner ⌜ llcorner ⌞ lgroup ⟮ llbracket ⟦ lparen ( lang ⟨`
	closingSymbols     = `rbrace } rbrack ] rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖ urcorner ⌝ lrcorner ⌟ rgroup ⟯ rrbracket ⟧ rparen ) rang ⟩`
	escapedSymbols     = `# # $ $ % % & & _ _ backslash \ vert | Vert ‖ | ‖ lq ‘ rq ’`
)

// upright operators; those in limitNames take their limits above and below in display style.
const (
	operatorNames = `sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc exp log ln lg arg deg dim hom ker sgn sign tr rank diag erf`
	limitNames    = `lim max min sup inf det gcd lcm Pr limsup liminf argmax argmin plim injlim projlim`
)

// symbols returns the table of all commands that stand for a symbol.
func symbols() map[string]symbol {
	m := map[string]symbol{}
	add := func(list string, s symbol) {
		fields := strings.Fields(list)
		for i := 0; i+1 < len(fields); i += 2 {
			s.r = []rune(fields[i+1])[0]
			m[fields[i]] = s
		}
	}
	add(ordinarySymbols, symbol{})
	add(operatorSymbols, symbol{class: operator, big: true})
	add(integralSymbols, symbol{class: operator, big: true, slim: true})
	add(binarySymbols, symbol{class: dyadic})
	add(relationSymbols, symbol{class: relation})
	add(innerSymbols, symbol{class: inner})
	add(punctuationSymbols, symbol{class: punctuation})
	add(openingSymbols, symbol{class: opening})
	add(closingSymbols, symbol{class: closing})
	add(escapedSymbols, symbol{})
	m["{"], m["}"] = symbol{r: '{', class: opening}, symbol{r: '}', class: closing}
	return m
}

// character returns what a plain character stands for.
func character(r rune) symbol {
	switch r {
	case '+', '±', '×', '÷', '·', '∗', '∘', '∪', '∩', '∧', '∨', '⊕', '⊗':
		return symbol{r: r, class: dyadic}
	case '-', '−':
		return symbol{r: '−', class: dyadic}
	case '*':
		return symbol{r: '∗', class: dyadic}
	case '=', '<', '>', ':', '≤', '≥', '≠', '≈', '≡', '∼', '∈', '∉', '⊂', '⊆', '→', '←', '↔', '⇒', '⇔', '↦', '∝', '≪', '≫':
		return symbol{r: r, class: relation}
	case '(', '[', '⟨', '⌊', '⌈':
		return symbol{r: r, class: opening}
	case ')', ']', '!', '?', '⟩', '⌋', '⌉':
		return symbol{r: r, class: closing}
	case ',', ';':
		return symbol{r: r, class: punctuation}
	case '∑', '∏':
		return symbol{r: r, class: operator, big: true}
	case '∫', '∮':
		return symbol{r: r, class: operator, big: true, slim: true}
	case '…', '⋯':
		return symbol{r: r, class: inner}
	case '\'':
		return symbol{r: '′'}
	case '~':
		return symbol{r: '\u00a0'}
	}
	return symbol{r: r}
}

// alphabet is a style of letters.
type alphabet uint8

const (
	mathItalic alphabet = iota // letters slanted, digits upright: what TeX does by itself
	roman
	bold
	boldItalic
	script
	fraktur
	blackboard
	sans
	typewriter
	italic // letters slanted, as \mathit has them
)

// Where the alphabets begin among the Mathematical Alphanumeric Symbols of Unicode: capital and small Latin letters,
// digits, capital and small Greek letters; 0 where there are none.
var alphabetStarts = [...][5]rune{
	mathItalic: {0x1d434, 0x1d44e, 0, 0, 0x1d6fc},
	bold:       {0x1d400, 0x1d41a, 0x1d7ce, 0x1d6a8, 0x1d6c2},
	boldItalic: {0x1d468, 0x1d482, 0x1d7ce, 0x1d71c, 0x1d736},
	script:     {0x1d49c, 0x1d4b6, 0, 0, 0},
	fraktur:    {0x1d504, 0x1d51e, 0, 0, 0},
	blackboard: {0x1d538, 0x1d552, 0x1d7d8, 0, 0},
	sans:       {0x1d5a0, 0x1d5ba, 0x1d7e2, 0, 0},
	typewriter: {0x1d670, 0x1d68a, 0x1d7f6, 0, 0},
	italic:     {0x1d434, 0x1d44e, 0, 0x1d6e2, 0x1d6fc},
}

// Letters that Unicode had before, and for which the alphabets have a hole.
var alphabetHoles = map[rune]rune{
	0x1d455: 'ℎ',
	0x1d49d: 'ℬ', 0x1d4a0: 'ℰ', 0x1d4a1: 'ℱ', 0x1d4a3: 'ℋ', 0x1d4a4: 'ℐ', 0x1d4a7: 'ℒ', 0x1d4a8: 'ℳ', 0x1d4ad: 'ℛ',
	0x1d4ba: 'ℯ', 0x1d4bc: 'ℊ', 0x1d4c4: 'ℴ',
	0x1d506: 'ℭ', 0x1d50b: 'ℌ', 0x1d50c: 'ℑ', 0x1d515: 'ℜ', 0x1d51d: 'ℨ',
	0x1d53a: 'ℂ', 0x1d53f: 'ℍ', 0x1d545: 'ℕ', 0x1d547: 'ℙ', 0x1d548: 'ℚ', 0x1d549: 'ℝ', 0x1d551: 'ℤ',
}

// in returns a character in an alphabet, and whether it is slanted.
func (a alphabet) in(r rune) (rune, bool) {
	if a == roman {
		return r, false
	}
	starts := alphabetStarts[a]
	at := func(start rune, i rune) (rune, bool) {
		if start == 0 {
			return r, false
		}
		if h, ok := alphabetHoles[start+i]; ok {
			return h, a == mathItalic
		}
		return start + i, a == mathItalic || a == italic || a == boldItalic
	}
	switch {
	case r >= 'A' && r <= 'Z':
		return at(starts[0], r-'A')
	case r >= 'a' && r <= 'z':
		return at(starts[1], r-'a')
	case r >= '0' && r <= '9':
		return at(starts[2], r-'0')
	case r >= 'Α' && r <= 'Ω':
		return at(starts[3], r-'Α')
	case r >= 'α' && r <= 'ω':
		return at(starts[4], r-'α')
	}
	if i := strings.IndexRune("∂ϵϑϰϕϱϖ", r); i >= 0 {
		return at(starts[4], rune(25+len([]rune("∂ϵϑϰϕϱϖ"[:i]))))
	}
	if r == '∇' && (a == bold || a == boldItalic) {
		return at(starts[3], 25)
	}
	return r, false
}
