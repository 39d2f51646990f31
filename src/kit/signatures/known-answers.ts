/**
 * A signature that is right, with its key: from the RFC, so that it proves more than that a library agrees with itself.
 */
type KnownAnswer = {
  readonly key: {
    readonly kty: string
    readonly crv?: string
    readonly x?: string
    readonly y?: string
    readonly n?: string
    readonly e?: string
  }
  readonly signingInput: string
  readonly signature: string
}

const payload = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

/** RFC 7515 appendix A.2. */
const rsaKey = {
  kty: 'RSA',
  n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
}

/** RFC 7515 appendix A.3. */
const es256: KnownAnswer = {
  key: {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  },
  signingInput: `eyJhbGciOiJFUzI1NiJ9.${payload}`,
  signature: 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q',
}

/** RFC 8037 appendix A.4. */
const eddsa: KnownAnswer = {
  key: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  signingInput: 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc',
  signature: 'hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
}

/** RFC 7515 appendix A.2. */
const rs256: KnownAnswer = {
  key: rsaKey,
  signingInput: `eyJhbGciOiJSUzI1NiJ9.${payload}`,
  signature:
    'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw',
}

/** No RFC has an example with SHA-256, so the `openssl` command signed this one with the same key. */
const ps256: KnownAnswer = {
  key: rsaKey,
  signingInput: `eyJhbGciOiJQUzI1NiJ9.${payload}`,
  signature:
    'ixeD_uVKQfnGzAf_wE3hP91MS4wdimNGcuFI9CFwENG7qzgJeoGSCaQ3N2IxoZ1-9nzm0Ou0UvRbIulArZiPcSSpL_cTJtnmOs-juez8LcHYD1gtXNuiqfPBSERLqzUivJHUXp8LuRqP5PG3gGhJp-h5hB9zc1T8xeWIoEv1LCGg6vhq-FuSjTkFe8DbiE1eUDGZvO8ryEX8B45TBPxJKJkKlx-pUDDWGNsqihciaeMLh1hhzZgqAn8W8PgArQm4IsUa9VhpTjZshc15Kbf9CGdnjQIHGVvoWs-zDV0A9NElU0zGl-BhVCjOTa54eX-ZhHqLsJVQ0_ozAscgC6G7aQ',
}

export const knownAnswers = { ES256: es256, EdDSA: eddsa, RS256: rs256, PS256: ps256 } as const
