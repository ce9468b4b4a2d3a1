// Calls every operation of the upload API with the types that were generated from its description.
//
// Type-checked and run by tests/api/test_generated_client.py, which gives URL, key and a picture, and compares what comes
// with what the client for Python gets.

import createClient from 'openapi-fetch';

import type { components, paths } from './darkroom.js';

type Image = components['schemas']['Image'];

const SECONDS = 60;

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

function dataOf<Data>({ data, error, response }: Answer<Data>): Data {
  if (data === undefined) throw new Error(`${response.url}: ${response.status} ${JSON.stringify(error)}`);
  return data;
}

export async function callAll(url: string, key: string, name: string, picture: Uint8Array<ArrayBuffer>) {
  const called: string[] = [];
  const client = createClient<paths>({ baseUrl: url, headers: { 'x-api-key': key } });
  client.use({
    onRequest({ request, schemaPath }) {
      called.push(`${request.method.toLowerCase()} ${schemaPath}`);
    },
  });

  const declared = { name, content_type: 'image/png', size: picture.length } as const;
  const posts = dataOf(await client.POST('/uploads', { body: { files: [declared] } }));
  const sent = dataOf(
    await client.POST('/upload', {
      params: { query: { name } },
      headers: { 'Content-Type': 'image/png' },
      body: picture as unknown as string, // the generator has no type for bytes
      bodySerializer: (bytes) => bytes,
    }),
  );
  const image = await followed(() =>
    client.GET('/images/{id}', { params: { path: { id: sent.id }, query: { picture: true } } }),
  );
  const page = dataOf(await client.GET('/images', { params: { query: { limit: 50 } } }));
  const phone = { id: sent.id, variant: 'phone' };
  const redirect = await client.GET('/images/{id}/{variant}', { params: { path: phone }, redirect: 'manual' });
  const inside = dataOf(
    await client.GET('/images/{id}/{variant}', {
      params: { path: phone, query: { redirect: false } },
      parseAs: 'arrayBuffer',
    }),
  );
  const results = {
    fields: Object.keys(posts.uploads[0]!.upload.fields).sort(),
    status: image.status,
    variants: image.variants.map((variant) => variant.name),
    srcset: Object.keys(image.srcset ?? {}).sort(),
    listed: page.images.some(({ id }) => id === sent.id),
    redirect: [redirect.response.status, redirect.response.headers.get('Location') === image.variants[2]!.url],
    bytes: [...new Uint8Array(inside).slice(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    settings: dataOf(await client.GET('/settings.json')).max_files,
    description: dataOf(await client.GET('/openapi.json'))['openapi'],
    page: dataOf(await client.GET('/', { parseAs: 'text' })).slice(0, 15),
    erased: dataOf(await client.DELETE('/images/{id}', { params: { path: { id: sent.id } } })).id === sent.id,
  };
  return { called, results };
}

/** The image at its end, asked for after Retry-After. */
async function followed(get: () => Promise<Answer<Image>>): Promise<Image> {
  const deadline = Date.now() + 1000 * SECONDS;
  for (;;) {
    const answer = await get();
    const image = dataOf(answer);
    const wait = answer.response.headers.get('Retry-After');
    if (!wait) return image;
    if (Date.now() > deadline) throw new Error(`no end after ${SECONDS} s: ${JSON.stringify(image)}`);
    await new Promise((done) => setTimeout(done, 1000 * Number(wait)));
  }
}
