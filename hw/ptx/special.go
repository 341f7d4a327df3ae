package ptx

import "strconv"

// Special is a predefined, read-only special register (PTX ISA 8.4, chapter 10).
type Special uint8

// The special registers. The x, y and z of a vector follow one another.
const (
	SpNone Special = iota
	SpTidX
	SpTidY
	SpTidZ
	SpNtidX
	SpNtidY
	SpNtidZ
	SpCtaidX
	SpCtaidY
	SpCtaidZ
	SpNctaidX
	SpNctaidY
	SpNctaidZ
	SpClusteridX
	SpClusteridY
	SpClusteridZ
	SpNclusteridX
	SpNclusteridY
	SpNclusteridZ
	SpClusterCtaidX
	SpClusterCtaidY
	SpClusterCtaidZ
	SpClusterNctaidX
	SpClusterNctaidY
	SpClusterNctaidZ
	SpClusterCtarank
	SpClusterNctarank
	SpIsExplicitCluster
	SpLaneid
	SpWarpid
	SpNwarpid
	SpSmid
	SpNsmid
	SpGridid
	SpLanemaskEq
	SpLanemaskLe
	SpLanemaskLt
	SpLanemaskGe
	SpLanemaskGt
	SpClock
	SpClockHi
	SpClock64
	SpGlobaltimer
	SpGlobaltimerLo
	SpGlobaltimerHi
	SpTotalSmemSize
	SpAggrSmemSize
	SpDynamicSmemSize
	SpCurrentGraphExec
	SpReservedSmemBegin
	SpReservedSmemEnd
	SpReservedSmemCap
	SpReservedSmem0
	SpReservedSmem1
	SpEnvreg0
	specialEnd = SpEnvreg0 + 32
)

type specialRow struct {
	name string
	typ  Type
	sm   Arch
	ptx  int
}

var specials = [specialEnd]specialRow{
	SpTidX:              {"%tid.x", U32, 0, 0},
	SpTidY:              {"%tid.y", U32, 0, 0},
	SpTidZ:              {"%tid.z", U32, 0, 0},
	SpNtidX:             {"%ntid.x", U32, 0, 0},
	SpNtidY:             {"%ntid.y", U32, 0, 0},
	SpNtidZ:             {"%ntid.z", U32, 0, 0},
	SpCtaidX:            {"%ctaid.x", U32, 0, 0},
	SpCtaidY:            {"%ctaid.y", U32, 0, 0},
	SpCtaidZ:            {"%ctaid.z", U32, 0, 0},
	SpNctaidX:           {"%nctaid.x", U32, 0, 0},
	SpNctaidY:           {"%nctaid.y", U32, 0, 0},
	SpNctaidZ:           {"%nctaid.z", U32, 0, 0},
	SpClusteridX:        {"%clusterid.x", U32, 900, 78},
	SpClusteridY:        {"%clusterid.y", U32, 900, 78},
	SpClusteridZ:        {"%clusterid.z", U32, 900, 78},
	SpNclusteridX:       {"%nclusterid.x", U32, 900, 78},
	SpNclusteridY:       {"%nclusterid.y", U32, 900, 78},
	SpNclusteridZ:       {"%nclusterid.z", U32, 900, 78},
	SpClusterCtaidX:     {"%cluster_ctaid.x", U32, 900, 78},
	SpClusterCtaidY:     {"%cluster_ctaid.y", U32, 900, 78},
	SpClusterCtaidZ:     {"%cluster_ctaid.z", U32, 900, 78},
	SpClusterNctaidX:    {"%cluster_nctaid.x", U32, 900, 78},
	SpClusterNctaidY:    {"%cluster_nctaid.y", U32, 900, 78},
	SpClusterNctaidZ:    {"%cluster_nctaid.z", U32, 900, 78},
	SpClusterCtarank:    {"%cluster_ctarank", U32, 900, 78},
	SpClusterNctarank:   {"%cluster_nctarank", U32, 900, 78},
	SpIsExplicitCluster: {"%is_explicit_cluster", Pred, 900, 78},
	SpLaneid:            {"%laneid", U32, 0, 0},
	SpWarpid:            {"%warpid", U32, 0, 0},
	SpNwarpid:           {"%nwarpid", U32, 200, 20},
	SpSmid:              {"%smid", U32, 0, 0},
	SpNsmid:             {"%nsmid", U32, 200, 20},
	SpGridid:            {"%gridid", U64, 0, 0},
	SpLanemaskEq:        {"%lanemask_eq", U32, 200, 20},
	SpLanemaskLe:        {"%lanemask_le", U32, 200, 20},
	SpLanemaskLt:        {"%lanemask_lt", U32, 200, 20},
	SpLanemaskGe:        {"%lanemask_ge", U32, 200, 20},
	SpLanemaskGt:        {"%lanemask_gt", U32, 200, 20},
	SpClock:             {"%clock", U32, 0, 0},
	SpClockHi:           {"%clock_hi", U32, 200, 50},
	SpClock64:           {"%clock64", U64, 200, 20},
	SpGlobaltimer:       {"%globaltimer", U64, 300, 31},
	SpGlobaltimerLo:     {"%globaltimer_lo", U32, 300, 31},
	SpGlobaltimerHi:     {"%globaltimer_hi", U32, 300, 31},
	SpTotalSmemSize:     {"%total_smem_size", U32, 200, 41},
	SpAggrSmemSize:      {"%aggr_smem_size", U32, 900, 81},
	SpDynamicSmemSize:   {"%dynamic_smem_size", U32, 200, 41},
	SpCurrentGraphExec:  {"%current_graph_exec", U64, 500, 80},
	SpReservedSmemBegin: {"%reserved_smem_offset_begin", U32, 800, 76},
	SpReservedSmemEnd:   {"%reserved_smem_offset_end", U32, 800, 76},
	SpReservedSmemCap:   {"%reserved_smem_offset_cap", U32, 800, 76},
	SpReservedSmem0:     {"%reserved_smem_offset_0", U32, 800, 76},
	SpReservedSmem1:     {"%reserved_smem_offset_1", U32, 800, 76},
	SpEnvreg0:           {"%envreg0", B32, 0, 21},
}

var specialIndex = indexSpecials()

func indexSpecials() map[string]Special {
	for i := Special(1); i < 32; i++ {
		specials[SpEnvreg0+i] = specials[SpEnvreg0]
		specials[SpEnvreg0+i].name = "%envreg" + strconv.Itoa(int(i))
	}
	m := map[string]Special{}
	for s := SpNone + 1; s < specialEnd; s++ {
		m[specials[s].name] = s
	}
	return m
}

// String returns the register's name with its percent sign.
func (s Special) String() string {
	if s == SpNone || s >= specialEnd {
		return "%special?"
	}
	return specials[s].name
}

// Type returns the width the register is read at.
func (s Special) Type() Type { return specials[s%specialEnd].typ }
