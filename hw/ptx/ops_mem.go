package ptx

// opsMem: PTX ISA 8.4, 9.7.9 loads, stores, prefetch, asynchronous copies, tensor copies;
// 9.7.10 textures and surfaces.
var opsMem = []row{
	{OpLd, "ld weak? $space? $cop? $l1? L2::cache_hint? $l2size? $vec? $mem",
		"=v0,[],b64@L2::cache_hint", 0, 0},
	{OpLd, "ld volatile $mspace? $l2size? $vec? $mem", "=v0,[]", 0, 0},
	{OpLd, "ld relaxed|acquire $scope $mspace? $l1? L2::cache_hint? $l2size? $vec? $mem",
		"=v0,[],b64@L2::cache_hint", 700, 60},
	{OpLd, "ld mmio relaxed sys global? $mem", "=v0,[]", 700, 82},
	{OpLd, "ld global ca|cg|cs? nc $l1? L2::cache_hint? $l2size? $vec? $mem",
		"=v0,[],b64@L2::cache_hint", 320, 31},
	{OpLdu, "ldu global? $vec? $mem", "=v0,[]", 0, 0},
	{OpSt, "st weak? $stspace? wb|cg|cs|wt? $l1? L2::cache_hint? $vec? $mem",
		"[],v0,b64@L2::cache_hint", 0, 0},
	{OpSt, "st volatile $mspace? $vec? $mem", "[],v0", 0, 0},
	{OpSt, "st relaxed|release $scope $mspace? $l1? L2::cache_hint? $vec? $mem",
		"[],v0,b64@L2::cache_hint", 700, 60},
	{OpSt, "st mmio relaxed sys global? $mem", "[],v0", 700, 82},
	{OpStAsync, "st async weak? shared::cluster? mbarrier::complete_tx::bytes $vec? " +
		"b32|b64|u32|u64|s32|s64|f32|f64", "[],v0,[]", 900, 81},
	{OpPrefetch, "prefetch global|local? L1|L2", "[]", 200, 20},
	{OpPrefetch, "prefetch global L2::evict_last|L2::evict_normal", "[]", 800, 74},
	{OpPrefetch, "prefetch const|param? tensormap", "[]", 900, 80},
	{OpPrefetchu, "prefetchu L1", "[]", 200, 20},
	{OpApplypriority, "applypriority global? L2::evict_normal", "[],#", 800, 74},
	{OpDiscard, "discard global? L2", "[],#", 800, 74},

	{OpCpAsync, "cp async ca|cg $shcta global L2::cache_hint? $l2size?",
		"[],[],#,u32?,b64@L2::cache_hint;[],[],#,!pred,b64@L2::cache_hint", 800, 70},
	{OpCpAsyncCommitGroup, "cp async commit_group", "", 800, 70},
	{OpCpAsyncWaitGroup, "cp async wait_group", "#", 800, 70},
	{OpCpAsyncWaitAll, "cp async wait_all", "", 800, 70},
	{OpCpAsyncMbarrierArrive, "cp async mbarrier arrive noinc? $shcta? b64", "[]", 800, 70},

	{OpCpAsyncBulk, "cp async bulk shared::cluster global mbarrier::complete_tx::bytes " +
		"multicast::cluster? L2::cache_hint?",
		"[],[],u32,[],u16@multicast::cluster,b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulk, "cp async bulk shared::cluster shared::cta mbarrier::complete_tx::bytes",
		"[],[],u32,[]", 900, 80},
	{OpCpAsyncBulk, "cp async bulk global shared::cta bulk_group L2::cache_hint?",
		"[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkPrefetch, "cp async bulk prefetch L2 global L2::cache_hint?",
		"[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk shared::cluster shared::cta " +
		"mbarrier::complete_tx::bytes and|or|xor b32", "[],[],u32,[]", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk shared::cluster shared::cta " +
		"mbarrier::complete_tx::bytes add|inc|dec|min|max u32", "[],[],u32,[]", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk shared::cluster shared::cta " +
		"mbarrier::complete_tx::bytes add|min|max s32", "[],[],u32,[]", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk shared::cluster shared::cta " +
		"mbarrier::complete_tx::bytes add u64", "[],[],u32,[]", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"and|or|xor b32|b64", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"add|min|max u32|s32|u64", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"min|max s64", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"inc|dec u32", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"add f32|f64", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"add noftz f16|bf16", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulk, "cp reduce async bulk global shared::cta bulk_group L2::cache_hint? " +
		"min|max f16|bf16", "[],[],u32,b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkTensor, "cp async bulk tensor $dim shared::cluster global tile? " +
		"mbarrier::complete_tx::bytes multicast::cluster? L2::cache_hint?",
		"[],[t],[],u16@multicast::cluster,b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkTensor, "cp async bulk tensor 3d|4d|5d shared::cluster global im2col " +
		"mbarrier::complete_tx::bytes multicast::cluster? L2::cache_hint?",
		"[],[t],[],u16v,u16@multicast::cluster,b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkTensor, "cp async bulk tensor $dim global shared::cta tile? " +
		"bulk_group L2::cache_hint?", "[t],[],b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkTensor, "cp async bulk tensor 3d|4d|5d global shared::cta im2col_no_offs " +
		"bulk_group L2::cache_hint?", "[t],[],b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkPrefetchTensor, "cp async bulk prefetch tensor $dim L2 global tile? " +
		"L2::cache_hint?", "[t],b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkPrefetchTensor, "cp async bulk prefetch tensor 3d|4d|5d L2 global im2col " +
		"L2::cache_hint?", "[t],u16v,b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulkTensor, "cp reduce async bulk tensor $dim global shared::cta " +
		"add|min|max|inc|dec|and|or|xor tile? bulk_group L2::cache_hint?",
		"[t],[],b64@L2::cache_hint", 900, 80},
	{OpCpReduceAsyncBulkTensor, "cp reduce async bulk tensor 3d|4d|5d global shared::cta " +
		"add|min|max|inc|dec|and|or|xor im2col_no_offs bulk_group L2::cache_hint?",
		"[t],[],b64@L2::cache_hint", 900, 80},
	{OpCpAsyncBulkCommitGroup, "cp async bulk commit_group", "", 900, 80},
	{OpCpAsyncBulkWaitGroup, "cp async bulk wait_group read?", "#", 900, 80},

	{OpTex, "tex 1d|2d|3d|a1d|a2d v4 u32|s32|f32 s32|f32", "=v0,[t]", 0, 0},
	{OpTex, "tex cube|acube v4 u32|s32|f32 f32", "=v0,[t]", 0, 0},
	{OpTexLevel, "tex level 1d|2d|3d|a1d|a2d|cube|acube v4 u32|s32|f32 f32", "=v0,[t],f32", 0, 0},
	{OpSuld, "suld b 1d|2d|3d|a1d|a2d $vec? b8|b16|b32|b64 trap|clamp|zero", "=v0,[t]", 200, 0},
	{OpSust, "sust b 1d|2d|3d|a1d|a2d $vec? b8|b16|b32|b64 trap|clamp|zero", "[t],v0", 200, 0},
}
