// What reads a table as a spreadsheet's import does.
export { default as Papa } from 'papaparse';
