package diag

import "slices"

// Code names a kind of diagnostic. Codes never change their meaning; new ones go at the end of
// their group.
type Code string

// The codes, with their titles in the table below.
const (
	BadChar          Code = "NL0001"
	OpenString       Code = "NL0002"
	BadEscape        Code = "NL0003"
	BadNumber        Code = "NL0004"
	OpenComment      Code = "NL0005"
	Unexpected       Code = "NL0010"
	Incomplete       Code = "NL0011"
	TooDeep          Code = "NL0012"
	UnknownName      Code = "NL0101"
	Redeclared       Code = "NL0102"
	UnknownType      Code = "NL0103"
	UnknownAttr      Code = "NL0104"
	UnknownMember    Code = "NL0105"
	NotCallable      Code = "NL0106"
	NotValue         Code = "NL0107"
	Immutable        Code = "NL0110"
	NotAssignable    Code = "NL0111"
	NoModule         Code = "NL0120"
	ImportCycle      Code = "NL0121"
	Private          Code = "NL0122"
	Recursive        Code = "NL0123"
	MissingImpl      Code = "NL0124"
	Mismatch         Code = "NL0201"
	BadOperand       Code = "NL0202"
	TooManyArgs      Code = "NL0203"
	UnknownArg       Code = "NL0204"
	RepeatedArg      Code = "NL0205"
	MissingArg       Code = "NL0206"
	MissingReturn    Code = "NL0208"
	OutsideLoop      Code = "NL0210"
	NotIterable      Code = "NL0211"
	TypeArgs         Code = "NL0212"
	NotIndexable     Code = "NL0213"
	NoUnitValue      Code = "NL0214"
	TooComplex       Code = "NL0215"
	MainShape        Code = "NL0216"
	NotConst         Code = "NL0217"
	NotInferred      Code = "NL0218"
	Bound            Code = "NL0219"
	BadCast          Code = "NL0220"
	BadFormat        Code = "NL0221"
	NotExhaustive    Code = "NL0222"
	BadPattern       Code = "NL0223"
	Refutable        Code = "NL0224"
	MissingField     Code = "NL0225"
	BadTry           Code = "NL0226"
	TestShape        Code = "NL0227"
	GradShape        Code = "NL0228"
	Unreachable      Code = "NL0229"
	OutOfBounds      Code = "NL0230"
	DotInner         Code = "NL0301"
	TileShapes       Code = "NL0302"
	TileElems        Code = "NL0303"
	DotElems         Code = "NL0305"
	KernelBody       Code = "NL0306"
	KernelType       Code = "NL0307"
	NeedsView        Code = "NL0308"
	TensorElem       Code = "NL0309"
	TensorLayout     Code = "NL0310"
	TensorShape      Code = "NL0311"
	KernelName       Code = "NL0313"
	BadAxis          Code = "NL0314"
	BadSpan          Code = "NL0315"
	BadPartition     Code = "NL0316"
	NeverWritten     Code = "NL0317"
	OtherDim         Code = "NL0318"
	ElemNotYet       Code = "NL0401"
	TileNotYet       Code = "NL0402"
	DotNotYet        Code = "NL0403"
	LayoutNotYet     Code = "NL0405"
	Registers        Code = "NL0406"
	Target           Code = "NL0408"
	SharedMemory     Code = "NL0410"
	NotGraph         Code = "NL0411"
	Budget           Code = "NL0412"
	BankConflict     Code = "NL0413"
	Uncoalesced      Code = "NL0414"
	NotFound         Code = "NL0501"
	LaunchShape      Code = "NL0502"
	LaunchLayout     Code = "NL0503"
	LaunchElem       Code = "NL0504"
	LaunchInner      Code = "NL0505"
	OutOfRange       Code = "NL0506"
	DivideByZero     Code = "NL0507"
	DeviceFailed     Code = "NL0508"
	StepLimit        Code = "NL0509"
	StackOverflow    Code = "NL0510"
	AssertFailed     Code = "NL0511"
	BuiltinFailed    Code = "NL0512"
	LaunchDevice     Code = "NL0513"
	Unset            Code = "NL0514"
	ArithOverflow    Code = "NL0515"
	Panicked         Code = "NL0516"
	Leak             Code = "NL0517"
	BadCode          Code = "NL0518"
	Moved            Code = "NL0601"
	Borrowed         Code = "NL0602"
	MoveBorrowed     Code = "NL0603"
	MoveOut          Code = "NL0604"
	Outlives         Code = "NL0605"
	RefPlace         Code = "NL0606"
	Race             Code = "NL0607"
	WrongDevice      Code = "NL0620"
	NotDeterministic Code = "NL0630"
	NotDerivable     Code = "NL0701"
)

// Title explains a code in a sentence.
type Title struct {
	Code Code
	Text string
}

// Titles is the table of all codes, in order.
var Titles = []Title{
	{BadChar, "a character that starts no token"},
	{OpenString, "a string without its closing quote"},
	{BadEscape, "an unknown escape in a string"},
	{BadNumber, "a malformed or too large number"},
	{OpenComment, "a comment without its end"},
	{Unexpected, "a token that does not fit here"},
	{Incomplete, "the text ends in the middle of a construct"},
	{TooDeep, "expressions or blocks are nested too deeply"},
	{UnknownName, "a name that is not defined"},
	{Redeclared, "a name that is defined twice"},
	{UnknownType, "a type that does not exist"},
	{UnknownAttr, "an attribute that does not exist"},
	{UnknownMember, "a member or method that does not exist"},
	{NotCallable, "something called that is no function"},
	{NotValue, "a module, type or function used as a value"},
	{Immutable, "an assignment to a name bound by let"},
	{NotAssignable, "an assignment to something that is no variable"},
	{NoModule, "a module that cannot be found"},
	{ImportCycle, "modules that import each other"},
	{Private, "an item that is private to its module"},
	{Recursive, "something defined by itself without end"},
	{MissingImpl, "an impl that does not do what its trait declares"},
	{Mismatch, "one type where another is needed"},
	{BadOperand, "an operator that its operands do not have"},
	{TooManyArgs, "more arguments than parameters"},
	{UnknownArg, "a named argument that is no parameter"},
	{RepeatedArg, "an argument given twice"},
	{MissingArg, "an argument that is missing"},
	{MissingReturn, "a function that can end without its value"},
	{OutsideLoop, "break or continue outside a loop"},
	{NotIterable, "a for over something that is no range"},
	{TypeArgs, "wrong arguments of a type"},
	{NotIndexable, "an index on something that has none"},
	{NoUnitValue, "a value needed where there is none"},
	{TooComplex, "a function too large for the bytecode's limits"},
	{MainShape, "main takes no parameters and returns nothing"},
	{NotConst, "a value that the compiler must know and does not"},
	{NotInferred, "a type or constant that cannot be inferred"},
	{Bound, "a type that does not keep the bound of its parameter"},
	{BadCast, "a conversion that does not exist"},
	{BadFormat, "an unknown format in an f-string"},
	{NotExhaustive, "a match that leaves values out"},
	{BadPattern, "a pattern that cannot match its value"},
	{Refutable, "a pattern in let or for that does not always match"},
	{MissingField, "a struct made or matched without one of its fields"},
	{BadTry, "? where nothing can be returned early"},
	{TestShape, "a test takes no parameters"},
	{GradShape, "a function that has no derivative"},
	{Unreachable, "code that is never reached"},
	{OutOfBounds, "a constant index outside of its bounds"},
	{DotInner, "dot of tiles whose inner dimensions differ"},
	{TileShapes, "tiles of different shapes combined"},
	{TileElems, "tiles of different element types combined"},
	{DotElems, "element types that Tensor Cores do not multiply"},
	{KernelBody, "something a kernel body may not contain"},
	{KernelType, "a type a kernel may not take or return"},
	{NeedsView, "a kernel called with something that is no tensor"},
	{TensorElem, "a tensor whose element type is not the tile's"},
	{TensorLayout, "a tensor whose layout is not the tile's"},
	{TensorShape, "a tensor that does not divide into tiles"},
	{KernelName, "a kernel name that PTX cannot spell"},
	{BadAxis, "an axis that a tile does not have"},
	{BadSpan, "a span or pipeline that cannot be"},
	{BadPartition, "a kernel whose results are not cut into pieces"},
	{NeverWritten, "a parameter taken for writing and never written"},
	{OtherDim, "a span that indexes another dimension than it runs over"},
	{ElemNotYet, "an element type no code is generated for yet"},
	{TileNotYet, "a tile shape no code is generated for yet"},
	{DotNotYet, "a use of dot no code is generated for yet"},
	{LayoutNotYet, "a layout no code is generated for yet"},
	{Registers, "a tile that does not fit the registers"},
	{Target, "a target that does not exist"},
	{SharedMemory, "a kernel that needs more shared memory than the target has"},
	{NotGraph, "a function marked @graph that is no straight line over tensors"},
	{Budget, "a kernel that takes more than its @budget allows"},
	{BankConflict, "lanes that meet in a bank of shared memory, in a kernel that forbids it"},
	{Uncoalesced, "an access that moves more memory than it needs, in a kernel that forbids it"},
	{NotFound, "an object that is not there"},
	{LaunchShape, "a tensor at launch that does not divide into tiles"},
	{LaunchLayout, "a tensor at launch in another layout than the tile's"},
	{LaunchElem, "a tensor at launch of another element type than the tile's"},
	{LaunchInner, "tensors at launch whose dimensions do not agree"},
	{OutOfRange, "an index outside of its bounds"},
	{DivideByZero, "an integer division by zero"},
	{DeviceFailed, "a device or store that reported an error"},
	{StepLimit, "a program stopped after its step limit"},
	{StackOverflow, "calls nested too deeply"},
	{AssertFailed, "an assertion that does not hold"},
	{BuiltinFailed, "a function of the host that failed"},
	{LaunchDevice, "tensors at launch on different devices"},
	{Unset, "a variable read before a statement that set it ran to its end"},
	{ArithOverflow, "an integer that does not fit 64 bits"},
	{Panicked, "a program that ended itself"},
	{Leak, "a tensor that a test neither moved nor dropped"},
	{BadCode, "bytecode that no compiler made, or that was damaged"},
	{Moved, "a value used after it was moved"},
	{Borrowed, "a value used while it is borrowed for writing, or written while it is borrowed"},
	{MoveBorrowed, "a value moved while it is borrowed"},
	{MoveOut, "a part moved out of something that keeps the rest"},
	{Outlives, "a reference that outlives what it refers to"},
	{RefPlace, "a reference where none may be"},
	{Race, "a kernel touching what another program writes"},
	{WrongDevice, "tensors of different devices in one call"},
	{NotDeterministic, "an order that is open in a deterministic function"},
	{NotDerivable, "something that grad cannot derive"},
}

// Explain returns the title of a code, or "".
func Explain(c Code) string {
	i := slices.IndexFunc(Titles, func(t Title) bool { return t.Code == c })
	if i < 0 {
		return ""
	}
	return Titles[i].Text
}
