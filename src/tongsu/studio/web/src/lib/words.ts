// Words as they are read: Chinese without spaces, English with them.
export const spaced = (words: string[]) => !words.some((word) => /[\u4e00-\u9fff]/.test(word));
export const positive = (probabilities: ArrayLike<number>, classes: number, at: number) => probabilities[at * classes + classes - 1];
