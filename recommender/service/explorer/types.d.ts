// What the service answers, as /openapi.json describes it, and what the page knows.

export type Count = { value: any; count: number };
export type Facets = {
  counted: number;
  categories: Count[];
  brands: Count[];
  prices: { low: number; high: number | null; count: number }[];
  currency?: string;
  attributes: { name: string; values: Count[] }[];
};
export type Hit = {
  sku: string;
  title: string;
  brand: string;
  category: string[];
  price: number | null;
  currency: string;
  availability: string;
  url: string;
  image: string;
  score: number;
  reason: string;
  widened_to: string[] | null;
  explanation: any;
};
export type Understood = { words: string; kind: string; value: any; name: string; price_min: any; price_max: any; currency: string };
export type Answer = {
  hits: Hit[];
  model: string;
  generation: string;
  facets: Facets | null;
  confidence: string | null;
  total: number | null;
  did_you_mean: string | null;
  searched: string | null;
  understood: Understood[];
};
export type Rule = {
  id: number;
  action: string;
  sku: string;
  query: string;
  means: string;
  one_way: boolean;
  category: string[];
  position: number;
  starts_at: string | null;
  ends_at: string | null;
  note: string;
};
export type Status = { model: string | null; generation: string | null; models: string[]; products: number; waiting: number; parked: number };
export type Scope = { query?: string; category?: string[] } | null;
export type State = {
  shown: number;
  category: string[];
  brand: string[];
  exclude_brand: string[];
  attribute: string[];
  [name: string]: any;
};
