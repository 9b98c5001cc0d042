// The road map's order; its words are in the catalogues, its recipes on the server.
export const CHAPTERS = ["mlp", "cnn", "rnn", "gan", "transformer", "resnet"] as const;
export type ChapterName = (typeof CHAPTERS)[number];
export const isChapter = (name: string): name is ChapterName => (CHAPTERS as readonly string[]).includes(name);
