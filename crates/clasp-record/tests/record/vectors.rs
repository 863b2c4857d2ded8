//! Records made elsewhere: by an independent computation, sealed byte for byte as here; and by OpenSSL, captured.

use super::*;
use clasp_wire::RecordHeader;

const CONTENTS: [&[u8]; 3] = [b"", b"Clasp", b"thirty-three bytes of plain text."];

/// For each protection, in the order of `all`, one record of each of `CONTENTS`. Made by `sealed.py`, beside this file, which
/// says with which keys.
const SEALED: [[&str; 3]; 15] = [
    [
        "1703030018010203040506070884442d99c7afc48de9e8b9ca554d8e66",
        "170303001d0102030405060708ad55a84d08de3245cd3d504e5a87e6a5ebaba49ac4",
        "170303003901020304050607089a51a04c0c2f066bbfbd27ab31d7f06ebc9e4ceb9662c4be5afed5bedf39ad4f7c1845fadacee40df257778a080a10804f",
    ],
    [
        "17030300180102030405060708f5c63a0cf169e519a12f16d4ec39f868",
        "170303001d01020304050607084ecead057afff1cb90360eb0dffb1205e3733b6f79",
        "1703030039010203040506070879caa5047ecbb39df77a97855b17be60272e620fa395ee17ff2d3640ae23262b52f0d5f78f85d878f449b61352587d740c",
    ],
    [
        "1703030010b1d912f6f5a686ea8226901914f6865e",
        "1703030015051f85e8265798b280adc33db7c050e51fbce6fe45",
        "1703030031321b8de922b0dce69e15bcf454ea0301b0c6366a6eee7aea01da7a8788c239104684b6abc0337fb165339f058a4f23c386",
    ],
    [
        "17030300340102030405060708090a0b0c0d0e0f1010abe7c2d85a20111f6cb42c64aee417d4c0dba9ca1779d6628cd792905c094b98587710",
        "17030300340102030405060708090a0b0c0d0e0f1046a352c5879d8c9cbe84dbe914488f5f6c802ce6a82551cf516810897f3c92a215db55b4",
        "17030300540102030405060708090a0b0c0d0e0f102bf24790cb713d52cdabae9fcf8e7613c5aeff13eb439e66ec4a8fd9dbb6a785f7ffae4d62f3124413af0c5dbccae0daa06f6e2b1015c5221650014beb250dd61e494b7c",
    ],
    [
        "17030300300102030405060708090a0b0c0d0e0f10807b156e37e26a4242314c67d06a8ed2d6a5ebaaa7a6987ffdea28f39de64166",
        "17030300300102030405060708090a0b0c0d0e0f1045b6116da013787f768206e3c16bed0dcb1e7724007b701fc46ac7568a90a606",
        "17030300500102030405060708090a0b0c0d0e0f102bf24790cb713d52cdabae9fcf8e7613c5aeff13eb439e66ec4a8fd9dbb6a785167cf51aa9488b20a6e7c8548ff86b3e2befeb45444c142629fe9e036c0b8c4f",
    ],
    [
        "17030300400102030405060708090a0b0c0d0e0f1010abe7c2d85a20111f6cb42c64aee4172784c4a0ea8f6c4d44a74d63016dba02e10f12f07af0a6dfe2cd08b63b120ee7",
        "17030300400102030405060708090a0b0c0d0e0f1046a352c5879d8c9cbe84dbe914488f5fde564f5f829391c885edfe6f83db35606ad5a7d4919942fdc11d2a6c3a006247",
        "17030300600102030405060708090a0b0c0d0e0f102bf24790cb713d52cdabae9fcf8e7613c5aeff13eb439e66ec4a8fd9dbb6a785f7ffae4d62f3124413af0c5dbccae0da0d46eb3f828c77273cc8d1564f8968b6221b1f8c727450e5bb07aa856254a908",
    ],
    [
        "17030300400102030405060708090a0b0c0d0e0f10cdbfa210725d98ab7f05446e920719ea55a6d229d21a0fdb0fb47e69a7fb20c02ba91a7d935c400dd94e3575ae8d0e7f",
        "17030300400102030405060708090a0b0c0d0e0f10b7d5ad8003c5ec1a159a63702756ac579d457ba968042fea5168798226686aec8b61085668e5a8c396d68c328fac5c05",
        "17030300600102030405060708090a0b0c0d0e0f102bf24790cb713d52cdabae9fcf8e7613c5aeff13eb439e66ec4a8fd9dbb6a78561c61a75cec2563fad1a91fab65f113b76c6a6758c8069aae78c993cd94f36b14a53775a96fdb16b10cc6860980a3254",
    ],
    [
        "17030300500102030405060708090a0b0c0d0e0f1010abe7c2d85a20111f6cb42c64aee417e173d4d44a2ed4cc2666042f9cab83f7017c40e13225252d908634cdc8f26e68dad3bfd82f761d416070885a210730c3",
        "17030300500102030405060708090a0b0c0d0e0f1046a352c5879d8c9cbe84dbe914488f5f494bd985c3b959471ab310576e8af5b44910c4b88d77f549e00d62831be770b24564995dc22225715cdbdb4ccd86fb60",
        "17030300700102030405060708090a0b0c0d0e0f102bf24790cb713d52cdabae9fcf8e7613c5aeff13eb439e66ec4a8fd9dbb6a785f7ffae4d62f3124413af0c5dbccae0da9689ad89f69423cf01deb6576fcccac6e5240d583ae58c2e68d753c3577264c55e3232f4a02102b39de3bcc8bc402588",
    ],
    [
        "17030300500102030405060708090a0b0c0d0e0f1084a77c746579ead7db926a7964df416e60555a541dc41e871fa1a1e269b122f0ad3cd7a94a012dd5e843dc96dd797e94fd24f6f63c5a88985efaf21a7a9aeea0",
        "17030300500102030405060708090a0b0c0d0e0f10e2b96f75620fd32cb8fe45e47e16397dadb0a33f3f0e05087e6ed7953d68e486d5fad71d8b60523e3148c340fec2e4b64c46db11c39c8170b384b9cc7a1add06",
        "17030300700102030405060708090a0b0c0d0e0f102bf24790cb713d52cdabae9fcf8e7613c5aeff13eb439e66ec4a8fd9dbb6a785d3933e06c22a474cda228cd9057609fa490c8bc7c207cfb03a6956c78110002823a36d0a9c9347a30cba838f856ab832b85b6a218f6e0a523d90a1ac3e6a8b85",
    ],
    [
        "17030300340102030405060708090a0b0c0d0e0f103ed96710b09a1e8dd01690e9071088c11941d5bd714e72a94a0917dfbb2bfcf56678406a",
        "17030300340102030405060708090a0b0c0d0e0f10d7f69c475afed228db5f91e4851ee8b7fc581b64eb712654d1d6739c8356bbb65c1c4f2b",
        "17030300540102030405060708090a0b0c0d0e0f101684eac428e8ece18586014c82cae7c909d979a731efd773cdd28f720301a39254acb3f30fdf0b00b85a49c92e4f5244fe9482e144fd63c3e582fc4e6f7bfb9aa4378bf3",
    ],
    [
        "17030300300102030405060708090a0b0c0d0e0f1040bc5820a10b4b7b7dc4f97af7f6a93e453200b36375db432446bf75821fb4d2",
        "17030300300102030405060708090a0b0c0d0e0f10b850008cd32c179daa4bc40ae1610aae5a77371effe64bff93c7bd11e7d8be63",
        "17030300500102030405060708090a0b0c0d0e0f101684eac428e8ece18586014c82cae7c909d979a731efd773cdd28f720301a392b60221ba1129cc288a8caea073564543adb9578436a5cb531ddbff4bcdbdc0ce",
    ],
    [
        "17030300400102030405060708090a0b0c0d0e0f103ed96710b09a1e8dd01690e9071088c1bc91847c5034900d89eb67efec0b1e535a54f77e16b56cc593aab1879b436639",
        "17030300400102030405060708090a0b0c0d0e0f10d7f69c475afed228db5f91e4851ee8b756e38282be08203fd0443c83cf4231b67179d9cec4f512f74bddce792a5e0354",
        "17030300600102030405060708090a0b0c0d0e0f101684eac428e8ece18586014c82cae7c909d979a731efd773cdd28f720301a39254acb3f30fdf0b00b85a49c92e4f5244869b55b360769443d5ae6d1bfcf32a2489b6a8d46be0fbcc53c68801ef913e41",
    ],
    [
        "17030300400102030405060708090a0b0c0d0e0f101504c77e8f8ccc113c19d10ecf295ba15d432ed87d1fdd710d56b4920ad87647742792f4c72f5c42c175f838dc0b9fa8",
        "17030300400102030405060708090a0b0c0d0e0f106bf8942c27f54f328b51560aa5723249c82fe4ceb946039b659c05e91c7974f05e136e6a20dd0642ab4ab5f100bb983b",
        "17030300600102030405060708090a0b0c0d0e0f101684eac428e8ece18586014c82cae7c909d979a731efd773cdd28f720301a392d951b539e975e098d237b31074491fedeb2f8251aa9a3f834d95d2c58b2f60567ad28d578914998125e0de9b0e9c5903",
    ],
    [
        "17030300500102030405060708090a0b0c0d0e0f103ed96710b09a1e8dd01690e9071088c1a5266055bf7e7234eecb6a6fe543f8472293a5d5a5c427994cc81dc81e1ccaedd7dbf66707f0fbe5b2a42af45e15bc3a",
        "17030300500102030405060708090a0b0c0d0e0f10d7f69c475afed228db5f91e4851ee8b7df8e07cc69e9f4e8890c47c0a70054a5cd491f9d109ef261cd39fd88212e804450d0ce24c0645d1cc061bd2f07c9448c",
        "17030300700102030405060708090a0b0c0d0e0f101684eac428e8ece18586014c82cae7c909d979a731efd773cdd28f720301a39254acb3f30fdf0b00b85a49c92e4f52448eb1148a54e88cbb36462d6f286fe67cc896def979a0563b0099e602e6ea677c51dd068f2706bd52b3040daaeaae6eb9",
    ],
    [
        "17030300500102030405060708090a0b0c0d0e0f10507058bd20b8e7f2e82a3e530dbe8541a002af06ba00cb89ec6a032a0dbf7cd6cec1ca4a70797673af5ee6ab98ff82efb1e48769a8cb0751a674c713742185ad",
        "17030300500102030405060708090a0b0c0d0e0f10864a0c66a3ad2cefe5c13325906539f208d85cfac03e9fff0a0ce88bd8b22b606e434632ed6bafb94093ef4ab5b872e92895ef387f0613919ec17675193f79b2",
        "17030300700102030405060708090a0b0c0d0e0f101684eac428e8ece18586014c82cae7c909d979a731efd773cdd28f720301a3928259da49660d5466ac180c9cb65655b3ce08532c2ec932832fdbc424cce9b4fbfb3fdf4dbea93e6bbfdd11e4de24a127beb9f3e5361156f494047479ee3ed9fc",
    ],
];

/// One direction of a connection, as OpenSSL 3.0's `s_client` wrote it to its `s_server -rev`: Finished, the line below, and
/// close_notify. The keys were derived from the connection's key log and randoms, by the PRF as spelt out in Python.
struct Captured {
    /// OpenSSL's name of the suite.
    suite: &'static str,
    encrypt_then_mac: bool,
    mac_key: &'static str,
    key: &'static str,
    iv: &'static str,
    records: [&'static str; 3],
}

const CAPTURED: [Captured; 13] = [
    Captured {
        suite: "AES128-GCM-SHA256",
        encrypt_then_mac: false,
        mac_key: "",
        key: "189395ebe1b6d4cbec7da46920f97cd3",
        iv: "3e7641db",
        records: [
            "160303002807da193d5895ac7c73ed7d35224eb35b498dd3d4edee27d847df6b228f88275b3eee95f98b8e6c92",
            "170303002b07da193d5895ac7df2e81087c7a679286e53efaccc34f962bd370d193cc4f154af6f8bede2167a6d988db0",
            "150303001a07da193d5895ac7eb652cac6feb928540133e311c9389cfaa4c6",
        ],
    },
    Captured {
        suite: "AES256-GCM-SHA384",
        encrypt_then_mac: false,
        mac_key: "",
        key: "6826a213473a8a737cbb9f51c9ee278c565e59a9e789f6f4553941d92b1eddf5",
        iv: "5aa30e10",
        records: [
            "160303002871bd1c5defadd00d417a76792ad473b28f510f43d236cb33e12d0e509071da04a280e6a4fcffc242",
            "170303002b71bd1c5defadd00ef1f58291c2386286a88165d93c6b8923a38b64480d47cd265dac9169d0dc427bd3c1e6",
            "150303001a71bd1c5defadd00f1f6d75484ed80e0e42729a737f998bc2bfaf",
        ],
    },
    Captured {
        suite: "ECDHE-RSA-CHACHA20-POLY1305",
        encrypt_then_mac: false,
        mac_key: "",
        key: "5a90814f5d5b47dcd4f828a4c00b3f1bede63aa776e06013d1eeadd735f4747d",
        iv: "1b38872a13da472106141001",
        records: [
            "16030300206db51e8238e625e95ae951e003b720788bb4697cba2129f1d72915c16bdc299a",
            "1703030023e0681458a31b29be98c09af37f1d476aa0eedf9bf4acecbaf585b353b7b701460cb4ab",
            "1503030012888698312ee733c15505e6609e215fbdb865",
        ],
    },
    Captured {
        suite: "AES128-SHA",
        encrypt_then_mac: true,
        mac_key: "b5aec5de9b17784ad7946813e8a9b56608dc832d",
        key: "bf509f9e0ddb03f9bca6b0b90d9e85e3",
        iv: "",
        records: [
            "1603030044018d5b84f7dea822437e507f11fa7694bc1bd24a95847c3ae1122d6ba7f7de7f17b4e95975126e1b23947fb52af6375c6d4bb76177740211b7f219f036384211ed5b205c",
            "17030300448e1816f40ac885a1e2f32b3c324740b32e045dfe4bd8f7a10cce1e7df6ded150925496c6b179ec71f7dc902c207ab2c434b8310f2abd254c47d067a652774975e2668045",
            "1503030034d2e87d1dd353a24b3b4af9ca8366b18f2bdf734ceddda80605059b1d3b9ada4baebfa6f1e02a5b9ca3d9d1c10228139ef8f550b7",
        ],
    },
    Captured {
        suite: "AES128-SHA",
        encrypt_then_mac: false,
        mac_key: "5ae4c06e7dd3ef039b4f85a86c5a0026f7fbcb2f",
        key: "212a7846cda10b248d0a5a23912a492c",
        iv: "",
        records: [
            "1603030040dcf3b05e399010207bdccba76356c56f1b88f084dd042a68e5889173c7460e0b56b31b14c162302ecd2662787ff50ae712cfce48ab2c285146ab21616f22bc6d",
            "17030300406ddab13915859a8f3664a149e690cde264509c5c79b3c8cac57f2467ff8d01eb457a7fc83222cb629361099eb7ec69941b3da61cddee3ffbf0560f1e8a61cffb",
            "150303003072fb0f414b5daea6f14717b00ab8d50e7ede8c52fbc59f2d87a72ac76a49a5a909fac7ed45ea711bb425ae75e9076c18",
        ],
    },
    Captured {
        suite: "AES256-SHA",
        encrypt_then_mac: true,
        mac_key: "f93deda9462dc321ca33e0b64b1b18502b4571f5",
        key: "2388992f51e1e5ea9ee5b2b37e91029a4eb8db5034adfa91b0f4d9abe667ab48",
        iv: "",
        records: [
            "1603030044d4fc8e0b19aba557520809d91707277b0da4da30676ac337ec524ac4e9c5d89d922f3d8c11f009601b11fd007c949892db13c4703d432c80d8055c1d64900480675a38e6",
            "170303004492e04404228362294ced978df0dcaf12a6edbf462d9a0eddfaa05f8c7446cffb0b1c355e9fea1a07a59ff3e972618afc011024ca08bcff084b8ad110f3ad803444c2d08e",
            "1503030034a22a9d0a9899708f0caada187fa00673c7268d03543c41b21db812e318c314f5c43e7f0a1516f6c95c2099e73719a540436d229f",
        ],
    },
    Captured {
        suite: "AES256-SHA",
        encrypt_then_mac: false,
        mac_key: "2da97063ada0e017b7e3b299cd509fd7831c08fd",
        key: "4a9ede15417e84987cd86cfc08778ad16135e323fcea6b393dbfdf829e60e667",
        iv: "",
        records: [
            "16030300409d7b2b562e71b900c93cfd225e957a67630b4886980320029ed545e743b848554e493f891418c45e955b0a201a03e2041c9286c47cba4f2ba51dc321cc57d138",
            "1703030040cbf1454c3a1be30032f53b071b4de22708a28ca2292ebcd10e6b21914e37c2d9aa9a3e8f810590bb799fa7536c4d3d7aa95cb1c163692fcfca996a861e68b412",
            "1503030030572da98aa01c66dcb7c14666eaed8230205fb1977dbc6197dedb0de99aff30a2c7db224ea053bbf16e349f2cc9670682",
        ],
    },
    Captured {
        suite: "AES128-SHA256",
        encrypt_then_mac: true,
        mac_key: "bdeb3982de7bfbb8eddb5abe1eb0211178a1b6d93d9454edf61edcba26e8e3ab",
        key: "9e3c80966e54a4bd7f48819b15f9c166",
        iv: "",
        records: [
            "1603030050aa0526306e14fa939744877c261aa6b7829c2a79ab4a68f4de77efb9666c7e99a9f849c227372808eaa502d161ba99eee1738d3f8b4c328969f6badbe52172214de8acdf9e2f858267869f4544ab181e",
            "17030300504f95679c795aebef4dab1d16fb02da38d392a5ef332e11b4bdd7e70021034c0f5cabd026b707ff2f516c4f02a27ec7c719b442f41005aaab12640185e0a0fe66884207bb6acbfe8b643ece612f4ea1bd",
            "1503030040fd3d8c825f146f370de72313a13ced94d6a14b9eda9bd9386f4845016403fea7c178cdfcc3ce17de8d7db58adf46a6076ecb6cf6060c4bc4dca7859cd01adcf5",
        ],
    },
    Captured {
        suite: "AES128-SHA256",
        encrypt_then_mac: false,
        mac_key: "3663ee4ebc04fd88b55d8dd55b6da71c4953634cce9a43393b219a244a0a753d",
        key: "8f24eb0fd8100cdaa209a8a9e5a76440",
        iv: "",
        records: [
            "160303005066e9479cefea01eb9994b214cc5d336e9b96ae70c9055c2f81868994281dd11a28e08ffdb52a3af2cd1f434f968e56a6259a47fadd5f1b1b5e5f5b15f40f15a6d1fd58dac330ae291835310994d7d17a",
            "170303005032f567be5a503cb5c683780e4866adebb7594315e4ac98e42fa8568bed52915d2e4fb69c645c89ce90f1eb064b1ed1f78dfb5d61ab03442b99ffc8f38a612c8764ac9082a1dae3cfd8edad1261f543ef",
            "150303004038435b899c42502aec99179f03811b5020169f46ca3153add18e5c03fa24939fdcebf810638f49e4c2c6f9dd45517efd041af7bfbe8be0628814af09d5f2bf1e",
        ],
    },
    Captured {
        suite: "AES256-SHA256",
        encrypt_then_mac: true,
        mac_key: "1018066f26c9e37c3afd87fc65e46d571457087e8f64971f12204b3b53a6b920",
        key: "3cef86141f33784c0a5ab965f149b49febc4ec55dbc941972db1c55a59590b0c",
        iv: "",
        records: [
            "1603030050660c62cf7d0e46f7ab50046a8d7d076c924a9e01401979710154684a0c7ddad7bdbce8d45d85837e8d16afda2837ee9e7739e880e2f6809eea0b19ac407d356f3284e7e9ab85f5ce8f41c5acbbcdfbd9",
            "1703030050a739dfc7d296490011863f8d531658fbf5c035351d8069aa7738ba7ec14bce49f28972b5999ef0078a694522748fd6041e94f07658af73c19e3a5c92a9dc9df2e1ebc729230cc200c2c595376745ce6c",
            "15030300407c2226b78a31c8c18731bc7885806a3625e1a004edd485ee3269102263b56797cbc2ad5f6c85e4b241fe21fd51086cca746ffdb5173aea25c99b43c210474d44",
        ],
    },
    Captured {
        suite: "AES256-SHA256",
        encrypt_then_mac: false,
        mac_key: "7362604cd258e28316b0c516d43405dc0a603dfdb67f52a856c8e864d30b8293",
        key: "f883a4153aedce99162973de47e84bab901db5019c04f2dbac37a2638ce15e4e",
        iv: "",
        records: [
            "16030300501b162e3c0a12a4bec6f49a4456e69f3538e33740214a869e95ab0121b950409750f625d7899153f633e7e1f9b8d9b4f3d0b29a255790735c939061e77b9d50c5da1a18935630714a95266097758138f6",
            "1703030050388f7e469db467425ce991deb60f418e76ef211fa668290c3697435fdd17e7810b83033bc9b40e185ee1632cf9f7091e76bbd4b6660e4fd856c41358e33cf657a178495371c751021e6c4b3b8ea3af90",
            "15030300406185cec83917074dad2222d89e516c85abc98d300328324feb52f88ceed0c61aac83f9a60733d06bdc7aa5f30d5ef05375c76faee762cffcadae9aeaf7e0c449",
        ],
    },
    Captured {
        suite: "ECDHE-RSA-AES256-SHA384",
        encrypt_then_mac: true,
        mac_key: "0e97d8a4ea2d19984e81b839b6ea8986a6bd5379cd2b335df925907752350f0e2331c1e78be79b689f2abdc981c5b12e",
        key: "cc103016ac0320435d0559ba6c051a2f839e26dc57a9c8d6f883d3f72152568f",
        iv: "",
        records: [
            "1603030060b7a845ed5fa27791f9cd1325005e5fc2a9b53d9bf1240f605222b4f31fb75f93fea03c9ff60f9837e72692d35338158fa650e2d054fe684d687d99787955ed8d31b20a853858f21637c87712b1bd2f443b6796045dcfd93d7e60110438f7bca3",
            "170303006075eb8403a054e0a099b1b3bf8989eccd206086abd551c3be4298719805bd36bbd0d7b6d08dc6d70b463358b1c3220005be5feee734b8168cce215bfdb0337494b3109bae909428cf5d05e7a7b3683d46d4ce1a3b9ab3afa0aae91400c7fe7fee",
            "1503030050e86846f9d3e38a9354242c5d45e3f3e93c4022c9981db47729de70291663ba6c84189ba4d4c8904ac911c3e26f379f1c8beb92f243dff5c6af1d9812ce14e78d59cb4f80786d82e2e6bc1eb66d626621",
        ],
    },
    Captured {
        suite: "ECDHE-RSA-AES256-SHA384",
        encrypt_then_mac: false,
        mac_key: "c3232119dc23a6a299ad0863160018944f13c7444231c6208344cc6785b6891792b9b25842bb23753036881456896bf4",
        key: "e1480c2966d72828447799635e055e11893e00036f1b88ffcf815840a32893dc",
        iv: "",
        records: [
            "1603030060645069d6e900fa9d91eca04f03f6749b2b09713d280c3b406345923c58664c4cedc25f1fad4c0f4340d0e95290265c9d9ae7dfb693245e8d656d57fce86e850b2d3c1db2c18b946cc3dedad7bb30e928420771a18ba1aee0129cf2cc36d5b6ef",
            "17030300606d63b540f48c4f3015d63e3c9214791ddf142634bf4a746d84e241b84abaf2478e610457f97783f655d8639093d84823594b464824325c7eb3ee9a0f1f1fbe3942c02b41ec250659aadef42bd6bca58d4db3db6ebe62484539cf3d65370baf20",
            "1503030050f07cdfe137e4028cedaa7cedce9584cbc24cd54997cb218d4713890bdb5a9391dd4d2177c515d8eddc63fb2b9106e7e429fdc5bb1e405abce626dff1d475d7482970ac7fa9029b22d7cabecc60915e8a",
        ],
    },
];

impl Captured {
    fn protection(&self) -> Protection {
        use BlockCipherAlgorithm::{Aes128, Aes256};
        let cbc = |cipher, mac| cbc(cipher, mac, self.encrypt_then_mac);
        let made = match self.suite {
            "AES128-GCM-SHA256" => aead(AeadAlgorithm::Aes128Gcm),
            "AES256-GCM-SHA384" => aead(AeadAlgorithm::Aes256Gcm),
            "ECDHE-RSA-CHACHA20-POLY1305" => aead(AeadAlgorithm::ChaCha20Poly1305),
            "AES128-SHA" => cbc(Aes128, HashAlgorithm::Sha1),
            "AES256-SHA" => cbc(Aes256, HashAlgorithm::Sha1),
            "AES128-SHA256" => cbc(Aes128, HashAlgorithm::Sha256),
            "AES256-SHA256" => cbc(Aes256, HashAlgorithm::Sha256),
            "ECDHE-RSA-AES256-SHA384" => cbc(Aes256, HashAlgorithm::Sha384),
            other => panic!("{other}"),
        };
        Protection { mac_key: hex(self.mac_key), key: hex(self.key), iv: hex(self.iv), ..made }
    }
}

#[test]
fn records_are_sealed_to_the_byte_as_elsewhere() {
    let sequence = 0x0102_0304_0506_0708;
    let all = all12();
    assert_eq!(all.len(), SEALED.len());
    for (protection, sealed) in all.iter().zip(SEALED) {
        for (content, wanted) in CONTENTS.into_iter().zip(sealed.map(hex)) {
            let mut out = BytesMut::new();
            protection.sealer().seal(sequence, DATA, content, &Fixed(1), &mut out).unwrap();
            assert_eq!(out, wanted, "{protection:?}");
            let header = RecordHeader::parse(&wanted).unwrap();
            let mut body = wanted[RecordHeader::LEN..].to_vec();
            let opened = protection.opener().open(sequence, &header, &mut body).unwrap();
            assert_eq!(&body[opened.range], content, "{protection:?}");
        }
    }
}

#[test]
fn what_openssl_wrote_is_read() {
    for captured in &CAPTURED {
        let protection = captured.protection();
        let mut wire = BytesMut::from(&hex(&captured.records.concat())[..]);
        let records = read_all(&mut protection.reader(), &mut wire).unwrap();
        let [finished, line, close] = records.as_slice() else { panic!("{}: {records:?}", captured.suite) };
        assert_eq!((finished.content_type, finished.payload.len()), (ContentType::HANDSHAKE, 4 + 12));
        assert_eq!(finished.payload[..4], [20, 0, 0, 12], "the header of a Finished");
        assert_eq!((line.content_type, &line.payload[..]), (DATA, &b"hello from OpenSSL\n"[..]));
        assert_eq!((close.content_type, &close.payload[..]), (ContentType::ALERT, &[1, 0][..]));
    }
}
