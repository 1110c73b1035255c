/** The JWS examples of RFC 7515 (appendix A), RFC 7520 (section 4) and RFC 7797 (section 4), as they stand there. */
import type { JsonWebKey } from 'node:crypto'
import type { JsonJws, JwsAlgorithm } from '@comm/security/jwt'

type Jwk = JsonWebKey & { readonly kid?: string; readonly alg?: string }

export interface Vector {
  readonly name: string
  readonly keys: readonly Jwk[]
  readonly algorithms: readonly JwsAlgorithm[]
  readonly jws: string | JsonJws
  readonly content: string
  readonly detached?: boolean
}

/** RFC 7515, A.1.1: the claims of A.1, A.2, A.3, A.5, A.6 and A.7. */
const JOE = '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
const JOE_ENCODED = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

const A1_KEY: Jwk = {
  kty: 'oct',
  k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
}
const A2_KEY: Jwk = {
  kty: 'RSA',
  n:
    'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRP' +
    'EwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qC' +
    'o5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
}
const A3_KEY: Jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
const A4_KEY: Jwk = {
  kty: 'EC',
  crv: 'P-521',
  x: 'AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk',
  y: 'ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2',
}
const A2_SIGNATURE =
  'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB' +
  'YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf' +
  'I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw'
const A3_SIGNATURE = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
const RSA_KID = '2010-12-29'
const EC_KID = 'e9bc097a-ce51-4036-9562-d2ade882db0d'

/** RFC 7515, A.5: refused, because `none` is no signature. */
export const UNSECURED = `eyJhbGciOiJub25lIn0.${JOE_ENCODED}.`

/** RFC 7520, section 4: one text signed in many ways. */
const FRODO =
  "It\u2019s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't keep your feet, " +
  'there\u2019s no knowing where you might be swept off to.'
const FRODO_ENCODED =
  'SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBk' +
  'b24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4'

/** RFC 7520, 3.3. */
const BILBO_RSA: Jwk = {
  kty: 'RSA',
  kid: 'bilbo.baggins@hobbiton.example',
  use: 'sig',
  n:
    'n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-Qti' +
    'WN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS' +
    '0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw',
  e: 'AQAB',
} as Jwk
/** RFC 7520, 3.1. */
const BILBO_EC: Jwk = {
  kty: 'EC',
  kid: 'bilbo.baggins@hobbiton.example',
  use: 'sig',
  crv: 'P-521',
  x: 'AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt',
  y: 'AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1',
} as Jwk
/** RFC 7520, 3.5. */
const SECRET: Jwk = {
  kty: 'oct',
  kid: '018c0ae5-4d9b-471b-bfd6-eef314bc7037',
  use: 'sig',
  alg: 'HS256',
  k: 'hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg',
} as Jwk

const RS256_HEADER = 'eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9'
const PS384_HEADER = 'eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9'
const ES512_HEADER = 'eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9'
const HS256_HEADER = 'eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9'

const S41 =
  'MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4J' +
  'IwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluP' +
  'xUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg'
const S42 =
  'cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXU' +
  'vdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT' +
  '0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw'
const S43 =
  'AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kv' +
  'AD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2'
const S44 = 's0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0'
const S46 = 'bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20'
const S47 = 'xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk'
const S48_RS256 =
  'MIsjqtVlOpa71KE-Mss8_Nq2YH4FGhiocsqrgi5NvyG53uoimic1tcMdSg-qptrzZc7CG6Svw2Y13TDIqHzTUrL_lR2ZFcryNFiHkSw129EghGpwkpxaTn_THJTC' +
  'glNbADko1MZBCdwzJxwqZc-1RlpO2HibUYyXSwO97BSe0_evZKdjvvKSgsIqjytKSeAMbhMBdMma622_BG5t4sdbuCHtFjp9iJmkio47AIwqkZV1aIZsv33uPUqB' +
  'BCXbYoQJwt7mxPftHmNlGoOSMxR_3thmXTCm4US-xiNOyhbm8afKK64jU6_TPtQHiJeQJxz9G3Tx-083B745_AfYOnlC9w'
const S48_ES512 =
  'ARcVLnaJJaUWG8fG-8t5BREVAuTY8n8YHjwDO1muhcdCoFZFFjfISu0Cdkn9Ybdlmi54ho0x924DUz8sK7ZXkhc7AFM8ObLfTvNCrqcI3Jkl2U5IX3utNhODH6v7' +
  'xgy1Qahsn0fyb4zSAkje8bAWz4vIfj5pCMYxxm4fgV3q7ZYhm5eD'
const S48_PARTS = [
  { protected: 'eyJhbGciOiJSUzI1NiJ9', header: { kid: 'bilbo.baggins@hobbiton.example' }, signature: S48_RS256 },
  { header: { alg: 'ES512', kid: 'bilbo.baggins@hobbiton.example' }, signature: S48_ES512 },
  { protected: HS256_HEADER, signature: S44 },
] as const

const A6_PARTS = [
  { protected: 'eyJhbGciOiJSUzI1NiJ9', header: { kid: RSA_KID }, signature: A2_SIGNATURE },
  { protected: 'eyJhbGciOiJFUzI1NiJ9', header: { kid: EC_KID }, signature: A3_SIGNATURE },
] as const

const frodo = (name: string, key: Jwk, algorithm: JwsAlgorithm, jws: string | JsonJws): Vector => ({
  name: `RFC 7520 ${name}`,
  keys: [key],
  algorithms: [algorithm],
  jws,
  content: FRODO,
})

/** In compact, general and flattened form. */
function inEveryForm(section: string, key: Jwk, algorithm: JwsAlgorithm, header: string, signature: string): readonly Vector[] {
  const part = { protected: header, signature }
  return [
    frodo(`${section} compact`, key, algorithm, `${header}.${FRODO_ENCODED}.${signature}`),
    frodo(`${section} general`, key, algorithm, { payload: FRODO_ENCODED, signatures: [part] }),
    frodo(`${section} flattened`, key, algorithm, { payload: FRODO_ENCODED, ...part }),
  ]
}

export const VECTORS: readonly Vector[] = [
  {
    name: 'RFC 7515 A.1 HS256',
    keys: [A1_KEY],
    algorithms: ['HS256'],
    jws: `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${JOE_ENCODED}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
    content: JOE,
  },
  {
    name: 'RFC 7515 A.2 RS256',
    keys: [A2_KEY],
    algorithms: ['RS256'],
    jws: `eyJhbGciOiJSUzI1NiJ9.${JOE_ENCODED}.${A2_SIGNATURE}`,
    content: JOE,
  },
  {
    name: 'RFC 7515 A.3 ES256',
    keys: [A3_KEY],
    algorithms: ['ES256'],
    jws: `eyJhbGciOiJFUzI1NiJ9.${JOE_ENCODED}.${A3_SIGNATURE}`,
    content: JOE,
  },
  {
    name: 'RFC 7515 A.4 ES512',
    keys: [A4_KEY],
    algorithms: ['ES512'],
    jws:
      'eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8G' +
      'aSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn',
    content: 'Payload',
  },
  {
    name: 'RFC 7515 A.6 general, by its first signature',
    keys: [{ ...A2_KEY, kid: RSA_KID }],
    algorithms: ['RS256'],
    jws: { payload: JOE_ENCODED, signatures: A6_PARTS },
    content: JOE,
  },
  {
    name: 'RFC 7515 A.6 general, by its second signature',
    keys: [{ ...A3_KEY, kid: EC_KID }],
    algorithms: ['ES256'],
    jws: { payload: JOE_ENCODED, signatures: A6_PARTS },
    content: JOE,
  },
  {
    name: 'RFC 7515 A.7 flattened',
    keys: [{ ...A3_KEY, kid: EC_KID }],
    algorithms: ['ES256'],
    jws: { payload: JOE_ENCODED, ...A6_PARTS[1] },
    content: JOE,
  },
  ...inEveryForm('4.1 RS256', BILBO_RSA, 'RS256', RS256_HEADER, S41),
  ...inEveryForm('4.2 PS384', BILBO_RSA, 'PS384', PS384_HEADER, S42),
  ...inEveryForm('4.3 ES512', BILBO_EC, 'ES512', ES512_HEADER, S43),
  ...inEveryForm('4.4 HS256', SECRET, 'HS256', HS256_HEADER, S44),
  { ...frodo('4.5 detached, compact', SECRET, 'HS256', `${HS256_HEADER}..${S44}`), detached: true },
  {
    ...frodo('4.5 detached, general', SECRET, 'HS256', { signatures: [{ protected: HS256_HEADER, signature: S44 }] }),
    detached: true,
  },
  { ...frodo('4.5 detached, flattened', SECRET, 'HS256', { protected: HS256_HEADER, signature: S44 }), detached: true },
  frodo('4.6 protecting specific header fields, general', SECRET, 'HS256', {
    payload: FRODO_ENCODED,
    signatures: [{ protected: 'eyJhbGciOiJIUzI1NiJ9', header: { kid: SECRET.kid }, signature: S46 }],
  }),
  frodo('4.6 protecting specific header fields, flattened', SECRET, 'HS256', {
    payload: FRODO_ENCODED,
    protected: 'eyJhbGciOiJIUzI1NiJ9',
    header: { kid: SECRET.kid },
    signature: S46,
  }),
  frodo('4.7 protecting content only, general', SECRET, 'HS256', {
    payload: FRODO_ENCODED,
    signatures: [{ header: { alg: 'HS256', kid: SECRET.kid }, signature: S47 }],
  }),
  frodo('4.7 protecting content only, flattened', SECRET, 'HS256', {
    payload: FRODO_ENCODED,
    header: { alg: 'HS256', kid: SECRET.kid },
    signature: S47,
  }),
  ...(
    [
      ['RS256', BILBO_RSA],
      ['ES512', BILBO_EC],
      ['HS256', SECRET],
    ] as const
  ).map(([algorithm, key]) =>
    frodo(`4.8 multiple signatures, by ${algorithm}`, key, algorithm, { payload: FRODO_ENCODED, signatures: S48_PARTS }),
  ),
  {
    name: 'RFC 7797 4.2 unencoded content, flattened',
    keys: [{ ...A1_KEY }],
    algorithms: ['HS256'],
    jws: {
      protected: 'eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19',
      signature: 'A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY',
    },
    content: '$.02',
    detached: true,
  },
]
